"""The sales service at one glance."""

from rotunda_kit.app import Service, migrations_of
from rotunda_sales import references
from rotunda_sales.close_reasons.service import CloseReasonService
from rotunda_sales.database import Base
from rotunda_sales.opportunities.service import OpportunityService
from rotunda_sales.overview import OverviewService
from rotunda_sales.pipelines.service import PipelineService
from rotunda_sales.products.service import ProductService

app = Service(
    "sales",
    metadata=Base.metadata,
    migrations=migrations_of(__file__),
    servicers=[ProductService, PipelineService, CloseReasonService, OpportunityService, OverviewService],
    copies=references.copies,
)
