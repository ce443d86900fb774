"""The marketing service at one glance."""

from rotunda_kit.app import Service, migrations_of
from rotunda_marketing import references
from rotunda_marketing.campaigns.service import CampaignService
from rotunda_marketing.database import Base
from rotunda_marketing.members.service import CampaignMemberService
from rotunda_marketing.overview import OverviewService

app = Service(
    "marketing",
    metadata=Base.metadata,
    migrations=migrations_of(__file__),
    servicers=[CampaignService, CampaignMemberService, OverviewService],
    copies=references.copies,
)
