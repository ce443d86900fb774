"""SQL about campaigns and all of their members."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Delete, Uuid, delete, exists, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.dml import ReturningUpdate

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


def delete_members(campaign_id: UUID, at: datetime) -> ReturningUpdate[UUID, int]:
    """Move all members of a campaign to the recycle bin, whatever their number; returns which, with their versions."""
    return (
        update(CampaignMember)
        .where(CampaignMember.campaign_id == campaign_id, CampaignMember.delete_time.is_(None))
        .values(delete_time=at, update_time=at, version=CampaignMember.version + 1)
        .returning(CampaignMember.id, CampaignMember.version)
        .execution_options(synchronize_session=False)
    )


def free_external_ids(members: list[UUID]) -> Delete:
    """Let others have the external ids of members that are gone."""
    return delete(external_id).where(external_id.c.resource_id == func.any(literal(members, ARRAY(Uuid))))
