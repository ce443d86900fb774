"""The methods of campaign members."""

from sqlalchemy import select

from rotunda.marketing.events.v1 import campaign_member_event_pb2 as events_pb
from rotunda.marketing.v1 import campaign_member_service_pb2 as pb
from rotunda_kit.accounts import is_blocked
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Servicer
from rotunda_marketing.campaigns.model import Campaign
from rotunda_marketing.campaigns.service import campaigns
from rotunda_marketing.members.model import CampaignMember
from rotunda_marketing.references import AccountReference, ContactReference

member = CampaignMember.__table__
account = AccountReference.__table__
contact = ContactReference.__table__


async def campaign_goes_on(call: Command, member: CampaignMember) -> None:
    """Refuse new and changed members when the campaign is over.

    The campaign is locked against change, but not against other members: many of them are written at a time.
    """
    statement = (
        select(Campaign)
        .where(Campaign.id == member.campaign_id, Campaign.delete_time.is_(None))
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    campaign = await call.session.scalar(statement)
    if campaign is None:
        raise campaigns.not_found()
    campaign.must_not_be_over()


members = Collection(
    CampaignMember,
    pb.CampaignMember,
    event=events_pb.CampaignMemberEvent,
    derived={
        "account_display_name": account.c.display_name,
        "account_blocked": is_blocked(account),
        "contact_display_name": contact.c.display_name,
    },
    joins=[(account, account.c.id == member.c.account_id), (contact, contact.c.id == member.c.contact_id)],
    guards=[campaign_goes_on],
    parent=(Campaign, "campaign_id"),
)


class CampaignMemberService(Servicer, service="rotunda.marketing.v1.CampaignMemberService"):
    """Whom a campaign is for, and how they took it."""

    GetCampaignMember = members.get()
    ListCampaignMembers = members.list()
    CreateCampaignMember = members.create()
    UpdateCampaignMember = members.update()
    DeleteCampaignMember = members.delete()
    UndeleteCampaignMember = members.undelete()
    BatchCreateCampaignMembers = members.batch_create()
    BatchUpdateCampaignMembers = members.batch_update()
