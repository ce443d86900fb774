"""This service's section of the 360 degree view."""

from rotunda.sales.v1 import opportunity_service_pb2
from rotunda_kit.overview import list_section, overview_servicer
from rotunda_sales.opportunities.queries import opportunity
from rotunda_sales.opportunities.service import opportunities

OverviewService = overview_servicer(
    list_section(
        "opportunities",
        opportunities,
        opportunity_service_pb2.ListOpportunitiesResponse,
        order_by=[opportunity.c.id.desc()],
    )
)
