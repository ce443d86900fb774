"""SQL about campaigns and all of their members."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Delete, delete, exists, func, select, update

from rotunda_kit.db.tables import external_id
from rotunda_marketing.campaigns.model import Campaign
from rotunda_marketing.members.model import CampaignMember
from rotunda_marketing.references import UserReference

campaign = Campaign.__table__
member = CampaignMember.__table__
owner = UserReference.__table__.alias("owner")


def member_count() -> ColumnElement[int]:
    """How many living members a campaign has."""
    return (
        select(func.count())
        .select_from(member)
        .where(member.c.campaign_id == campaign.c.id, member.c.delete_time.is_(None))
        .scalar_subquery()
    )


def is_for(account_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Whether an account, or one of its people, is a living member of a campaign."""
    return (
        exists()
        .where(member.c.campaign_id == campaign.c.id, member.c.account_id == account_id, member.c.delete_time.is_(None))
        .correlate_except(member)
    )


def delete_members(campaign_id: UUID, at: datetime) -> Delete:
    """Move all members of a campaign to the recycle bin, whatever their number, and set their external ids free."""
    gone = (
        update(CampaignMember)
        .where(CampaignMember.campaign_id == campaign_id, CampaignMember.delete_time.is_(None))
        .values(delete_time=at, update_time=at, version=CampaignMember.version + 1)
        .returning(CampaignMember.id)
        .cte("gone")
    )
    return delete(external_id).where(external_id.c.resource_id.in_(select(gone.c.id)))
