"""The methods of campaigns."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

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


def _note(call: Command, action: str, members: Sequence[Row[UUID, int]]) -> None:
    """Let the audit trail tell of members to which something was done together."""
    call.work.note(*Entry.about_many(CampaignMember.__noun__, action, [(member[0], member[1]) for member in members]))


class CampaignService(Servicer, service="rotunda.marketing.v1.CampaignService"):
    """Mailings, calls, events and advertisements for a group of customers."""

    GetCampaign = campaigns.get()
    ListCampaigns = campaigns.list()
    CreateCampaign = campaigns.create()
    UpdateCampaign = campaigns.update()
    BatchCreateCampaigns = campaigns.batch_create()
    BatchUpdateCampaigns = campaigns.batch_update()

    @command
    async def DeleteCampaign(self, request: pb.DeleteCampaignRequest, call: Command) -> pb.DeleteCampaignResponse:
        """Delete it and its members."""
        campaign = await campaigns.load(call, request.id, request.etag)
        at = now()
        campaign.delete(lambda: at)
        gone = (await call.session.execute(queries.delete_members(campaign.id, at))).all()
        await call.session.execute(queries.free_external_ids([member.id for member in gone]))
        _note(call, "deleted", gone)
        return pb.DeleteCampaignResponse()

    @command
    async def UndeleteCampaign(self, request: pb.UndeleteCampaignRequest, call: Command) -> pb.UndeleteCampaignResponse:
        """Bring it back, with the members that went with it; others stay where they are."""
        campaign = await campaigns.load(call, request.id, request.etag, deleted=True)
        deleted_at = campaign.delete_time
        campaign.undelete()
        back = (await call.session.execute(queries.undelete_members(campaign.id, deleted_at, now()))).all()
        await call.session.execute(queries.take_external_ids([member.id for member in back]))
        _note(call, "undeleted", back)
        return pb.UndeleteCampaignResponse(campaign=await campaigns.message(call, campaign))

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
