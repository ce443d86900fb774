"""The methods of campaigns."""

from typing import Any
from uuid import UUID

from rotunda.marketing.events.v1 import campaign_event_pb2 as events_pb
from rotunda.marketing.v1 import campaign_service_pb2 as pb
from rotunda_kit.audit.entries import Entry
from rotunda_kit.model import now
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Servicer, command
from rotunda_marketing.campaigns import queries
from rotunda_marketing.campaigns.model import Campaign
from rotunda_marketing.members.model import CampaignMember


async def draft(call: Command, _request: pb.CreateCampaignRequest, values: dict[str, Any]) -> Campaign:
    """A new campaign, the caller's own unless the request says otherwise."""
    return Campaign(**{"owner_id": UUID(call.principal.subject), **values})


campaigns = Collection(
    Campaign,
    pb.Campaign,
    event=events_pb.CampaignEvent,
    derived={"owner_display_name": queries.owner.c.display_name, "member_count": queries.member_count()},
    joins=[(queries.owner, queries.owner.c.id == queries.campaign.c.owner_id)],
    build=draft,
)


class CampaignService(Servicer, service="rotunda.marketing.v1.CampaignService"):
    """Mailings, calls, events and advertisements for a group of customers."""

    GetCampaign = campaigns.get()
    ListCampaigns = campaigns.list()
    CreateCampaign = campaigns.create()
    UpdateCampaign = campaigns.update()
    BatchCreateCampaigns = campaigns.batch_create()

    @command
    async def DeleteCampaign(self, request: pb.DeleteCampaignRequest, call: Command) -> pb.DeleteCampaignResponse:
        """Delete it and its members."""
        campaign = await campaigns.load(call, request.id, request.etag)
        campaign.delete()
        gone = (await call.session.execute(queries.delete_members(campaign.id, now()))).all()
        await call.session.execute(queries.free_external_ids([member.id for member in gone]))
        call.work.note(*(Entry.deleted(CampaignMember.__noun__, member.id, member.version) for member in gone))
        return pb.DeleteCampaignResponse()

    @campaigns.verb
    async def PlanCampaign(_call: Command, campaign: Campaign, _request: pb.PlanCampaignRequest) -> None:  # noqa: N805
        """Fix what it is."""
        campaign.plan()

    @campaigns.verb
    async def StartCampaign(_call: Command, campaign: Campaign, _request: pb.StartCampaignRequest) -> None:  # noqa: N805
        """Let people hear of it."""
        campaign.start()

    @campaigns.verb
    async def PauseCampaign(_call: Command, campaign: Campaign, _request: pb.PauseCampaignRequest) -> None:  # noqa: N805
        """Stop for a while."""
        campaign.pause()

    @campaigns.verb
    async def ResumeCampaign(_call: Command, campaign: Campaign, _request: pb.ResumeCampaignRequest) -> None:  # noqa: N805
        """Go on after a pause."""
        campaign.resume()

    @campaigns.verb
    async def CompleteCampaign(_call: Command, campaign: Campaign, _request: pb.CompleteCampaignRequest) -> None:  # noqa: N805
        """End it as planned."""
        campaign.complete()

    @campaigns.verb
    async def CancelCampaign(_call: Command, campaign: Campaign, request: pb.CancelCampaignRequest) -> None:  # noqa: N805
        """Call it off."""
        campaign.cancel(request.reason or None)
