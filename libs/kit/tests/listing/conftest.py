"""A table to page over, and the fields over it."""

from collections.abc import Mapping

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    Uuid,
)

from rotunda_kit.listing.field import FieldKind, ListField


@pytest.fixture(scope="session")
def visit() -> Table:
    return Table(
        "visit",
        MetaData(),
        Column("id", Uuid, primary_key=True),
        Column("display_name", Text, nullable=False),
        Column("note", Text),
        Column("state", String(40)),
        Column("rank", BigInteger, nullable=False),
        Column("owner_id", Uuid),
        Column("amount", Numeric(28, 9)),
        Column("score", Double),
        Column("done", Boolean),
        Column("create_time", DateTime(timezone=True), nullable=False),
        Column("due_date", Date),
    )


@pytest.fixture(scope="session")
def fields(visit: Table) -> Mapping[str, ListField]:
    columns = visit.c
    listed = [
        ListField("id", FieldKind.UUID, columns.id),
        ListField("display_name", FieldKind.TEXT, columns.display_name),
        ListField("note", FieldKind.TEXT, columns.note, nullable=True),
        ListField("state", FieldKind.ENUM, columns.state, nullable=True, enum_values={"OPEN": "OPEN"}),
        ListField("rank", FieldKind.INTEGER, columns.rank),
        ListField("owner_id", FieldKind.UUID, columns.owner_id, nullable=True),
        ListField("amount", FieldKind.MONEY, columns.amount, nullable=True),
        ListField("score", FieldKind.DECIMAL, columns.score, nullable=True),
        ListField("done", FieldKind.BOOL, columns.done, nullable=True),
        ListField("create_time", FieldKind.TIME, columns.create_time),
        ListField("due_date", FieldKind.DATE, columns.due_date, nullable=True),
        ListField("line_1", FieldKind.TEXT, columns.display_name),
        ListField("tags", FieldKind.TEXT_LIST, columns.note, orderable=False),
    ]
    return {field.path: field for field in listed}
