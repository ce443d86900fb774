"""SQL about campaigns and all of their members."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Delete,
    Insert,
    Uuid,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
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


def undelete_members(campaign_id: UUID, deleted: datetime | None, at: datetime) -> ReturningUpdate[UUID, int]:
    """Bring back the members that were deleted at a moment, with their campaign; returns which, with their versions."""
    return (
        update(CampaignMember)
        .where(
            CampaignMember.campaign_id == campaign_id,
            CampaignMember.delete_time == deleted,
            CampaignMember.purge_time.is_(None),
        )
        .values(delete_time=None, update_time=at, version=CampaignMember.version + 1)
        .returning(CampaignMember.id, CampaignMember.version)
        .execution_options(synchronize_session=False)
    )


def free_external_ids(members: list[UUID]) -> Delete:
    """Let others have the external ids of members that are gone."""
    return delete(external_id).where(external_id.c.resource_id == func.any(literal(members, ARRAY(Uuid))))


def take_external_ids(members: list[UUID]) -> Insert:
    """Let members that are back have their external ids again; fails where others have them now."""
    each = func.jsonb_array_elements(member.c.external_ids).table_valued("value", name="each")
    value = type_coerce(each.c.value, JSONB)
    names = (
        select(literal(CampaignMember.__noun__), value["system"].astext, value["id"].astext, member.c.id)
        .select_from(member.join(each, true()))
        .where(member.c.id == func.any(literal(members, ARRAY(Uuid))))
    )
    return insert(external_id).from_select(["noun", "system", "external_id", "resource_id"], names)
