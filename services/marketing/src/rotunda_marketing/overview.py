"""This service's section of the 360 degree view."""

from rotunda.marketing.v1 import campaign_service_pb2
from rotunda_kit.overview import list_section, overview_servicer
from rotunda_marketing.campaigns import queries
from rotunda_marketing.campaigns.service import campaigns

OverviewService = overview_servicer(
    list_section(
        "campaigns",
        campaigns,
        campaign_service_pb2.ListCampaignsResponse,
        order_by=[queries.campaign.c.id.desc()],
        belongs=queries.is_for,
    ),
)
