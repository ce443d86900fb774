"""A table with a column of every kind, and the fields over it."""

from collections.abc import Mapping

import pytest
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from rotunda_kit.listing.field import FieldKind, ListField

STATES = {"OPEN": "OPEN", "WON": "WON", "LOST": "LOST"}
EMAIL_KINDS = {"WORK": "EMAIL_KIND_WORK", "HOME": "EMAIL_KIND_HOME"}


@pytest.fixture(scope="session")
def deal() -> Table:
    return Table(
        "deal",
        MetaData(),
        Column("id", Uuid, primary_key=True),
        Column("display_name", Text, nullable=False),
        Column("last_name", Text),
        Column("state", String(40)),
        Column("account_id", Uuid),
        Column("visits", BigInteger, nullable=False),
        Column("rank", Integer),
        Column("score", Double),
        Column("amount", Numeric(28, 9)),
        Column("amount_currency", Text),
        Column("active", Boolean),
        Column("create_time", DateTime(timezone=True), nullable=False),
        Column("close_date", Date),
        Column("tags", ARRAY(Text), nullable=False),
        Column("skills", ARRAY(Text)),
        Column("member_user_ids", ARRAY(Uuid), nullable=False),
        Column("emails", JSONB, nullable=False),
    )


@pytest.fixture(scope="session")
def fields(deal: Table) -> Mapping[str, ListField]:
    columns = deal.c
    listed = [
        ListField("id", FieldKind.UUID, columns.id),
        ListField("display_name", FieldKind.TEXT, columns.display_name),
        ListField("last_name", FieldKind.TEXT, columns.last_name, nullable=True),
        ListField("state", FieldKind.ENUM, columns.state, nullable=True, enum_values=STATES),
        ListField("account_id", FieldKind.UUID, columns.account_id, nullable=True),
        ListField("visits", FieldKind.INTEGER, columns.visits),
        ListField("rank", FieldKind.INTEGER, columns.rank, nullable=True),
        ListField("score", FieldKind.DECIMAL, columns.score, nullable=True),
        ListField("amount", FieldKind.MONEY, columns.amount, nullable=True),
        ListField("amount.currency_code", FieldKind.TEXT, columns.amount_currency, nullable=True),
        ListField("active", FieldKind.BOOL, columns.active, nullable=True),
        ListField("create_time", FieldKind.TIME, columns.create_time),
        ListField("close_date", FieldKind.DATE, columns.close_date, nullable=True),
        ListField("tags", FieldKind.TEXT_LIST, columns.tags, orderable=False),
        ListField("skills", FieldKind.TEXT_LIST, columns.skills, nullable=True, enum_values=STATES, orderable=False),
        ListField("member_user_ids", FieldKind.UUID_LIST, columns.member_user_ids, orderable=False),
        ListField("emails.address", FieldKind.JSON_LIST, columns.emails, orderable=False, json_key="address"),
        ListField(
            "emails.kind",
            FieldKind.JSON_LIST,
            columns.emails,
            orderable=False,
            json_key="kind",
            enum_values=EMAIL_KINDS,
        ),
        ListField("regarding.type", FieldKind.TEXT, columns.last_name, nullable=True),
        ListField("regarding.id", FieldKind.UUID, columns.account_id, nullable=True),
    ]
    return {field.path: field for field in listed}
