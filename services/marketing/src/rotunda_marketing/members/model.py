"""The rules of campaign members: an account or a person, each once a campaign."""

from collections.abc import Iterator
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_kit.errors import FieldViolation
from rotunda_kit.model import Resource, living
from rotunda_marketing.database import Base


class CampaignMemberStatus(StrEnum):
    """How far the campaign has come with a member."""

    TARGETED = "TARGETED"
    CONTACTED = "CONTACTED"
    RESPONDED = "RESPONDED"


class CampaignMember(Resource, Base):
    """A person, or an account as a whole, that a campaign is for."""

    __noun__ = "marketing.campaign_member"

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id"))
    account_id: Mapped[UUID | None] = mapped_column(default=None)
    contact_id: Mapped[UUID | None] = mapped_column(default=None)
    status: Mapped[CampaignMemberStatus] = mapped_column(default=CampaignMemberStatus.TARGETED)

    __table_args__ = (
        living("campaign_member_contact_key", "campaign_id", "contact_id", unique=True),
        # Many people of one account may be members, but the account as a whole only once.
        Index(
            "campaign_member_account_key",
            "campaign_id",
            "account_id",
            unique=True,
            postgresql_where=text("delete_time IS NULL AND contact_id IS NULL"),
        ),
        living("campaign_member_campaign_idx", "campaign_id", "id"),
        living("campaign_member_status_idx", "campaign_id", "status", "id"),
        living("campaign_member_account_idx", "account_id", "campaign_id"),
    )

    def violations(self) -> Iterator[FieldViolation]:
        """It is somebody."""
        if self.account_id is None and self.contact_id is None:
            yield FieldViolation("account_id", "must be set where contactId is not")
