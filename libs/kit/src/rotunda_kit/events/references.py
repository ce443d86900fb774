"""Reference copies: the few fields that a service needs of another's records, kept up from events.

The newest version wins and gaps are normal, so order and redelivery do not matter. On a miss the owner is asked once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, cast, dataclass_transform
from uuid import UUID

from google.protobuf.descriptor import EnumDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy import Table, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, MappedAsDataclass, declared_attr, mapped_column

from rotunda_kit.descriptors import enum_names, message_type_of
from rotunda_kit.events.envelope import Event
from rotunda_kit.events.reactions import Reaction


@dataclass_transform(kw_only_default=True, field_specifiers=(mapped_column,))
class Reference(MappedAsDataclass, kw_only=True, eq=False, repr=False):
    """A copy of another service's record; its further columns are fields of that record's message, by name.

    A column `snapshot` keeps the whole message, serialised. A class names what it copies by `__noun__`, for example
    `customers.account`; its table is `account_reference`.
    """

    __noun__: ClassVar[str]

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-3)
    version: Mapped[int] = mapped_column(sort_order=-2)
    deleted: Mapped[bool] = mapped_column(default=False, sort_order=-1)

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805 - SQLAlchemy calls it on the class
        return f"{cls.__noun__.split('.')[1]}_reference"


class Copy(Protocol):
    """Which noun a table has copies of, with `id` and `version`."""

    @property
    def noun(self) -> str:
        """As `service.noun`."""

    @property
    def table(self) -> Table:
        """Where the copies are."""

    async def forget(self, session: AsyncSession, ids: Sequence[UUID]) -> None:
        """Take records for deleted, of which no event will tell."""


@dataclass(frozen=True, slots=True)
class ReferenceCopy:
    """How one kind of copy is kept: from which event, and whom to ask on a miss."""

    model: type[Reference]
    event: type[Message]
    # Standard Get method of the owner; its answer has the record in its only field.
    get: MethodDescriptor

    @property
    def noun(self) -> str:
        """What is copied, as `service.noun`."""
        return self.model.__noun__

    @property
    def table(self) -> Table:
        """Where the copies are."""
        table: Table = self.model.__table__  # type: ignore[attr-defined] # every concrete mapped class has one
        return table

    def row(self, message: Message, *, deleted: bool = False) -> dict[str, Any]:
        """The copy of a record as its message shows it."""
        record: Any = message
        values: dict[str, Any] = {
            "id": UUID(record.id),
            "version": int(record.etag),
            "deleted": deleted,
        }
        for column in self.table.columns:
            if column.name == "snapshot":
                values["snapshot"] = message.SerializeToString()
            elif column.name not in values:
                field = message.DESCRIPTOR.fields_by_name[column.name]
                unset = field.has_presence and not message.HasField(column.name)
                value = None if unset else getattr(message, column.name)
                if value is not None and field.enum_type is not None:
                    value = enum_names(cast("EnumDescriptor", field.enum_type))[value]
                values[column.name] = UUID(value) if value and column.type.python_type is UUID else value
        return values

    async def forget(self, session: AsyncSession, ids: Sequence[UUID]) -> None:
        """Take records for deleted, of which no event will tell."""
        await session.execute(update(self.table).where(self.table.c.id.in_(ids)).values(deleted=True))

    async def keep(self, session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
        """Keep copies where they are newer than what is there."""
        await keep_newest(session, self.table, rows)

    def reaction(self) -> Reaction:
        """Keeps the copies up."""
        field = self.noun.split(".")[1]

        async def keep_up(events: Sequence[Event], session: AsyncSession) -> None:
            rows = [
                self.row(getattr(self.event.FromString(event.payload), field), deleted=event.verb == "deleted")
                for event in events
            ]
            await self.keep(session, rows)

        return Reaction(self.noun, frozenset(), keep_up)


async def keep_newest(session: AsyncSession, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Keep rows, by `id`, where their `version` is higher than that of what is there."""
    newest: dict[UUID, dict[str, Any]] = {}
    for row in rows:
        known = newest.get(row["id"])
        if known is None or known["version"] < row["version"]:
            newest[row["id"]] = row
    insert = upsert(table)
    changes = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    await session.execute(
        insert.on_conflict_do_update(
            index_elements=["id"], set_=changes, where=table.c.version < insert.excluded.version
        ),
        # In the order of ids: two workers that keep the same copies must lock them in the same order.
        [newest[record_id] for record_id in sorted(newest)],
    )


def copy_of(model: type[Reference], event: type[Message]) -> ReferenceCopy:
    """Declare a reference copy: its class, and the payload of the owner's events.

    The owner's Get method is found by the API's naming: `GetAccount` of `AccountService` beside the message `Account`.
    """
    name = model.__noun__.split(".")[1]
    record = message_type_of(event.DESCRIPTOR.fields_by_name[name])
    service: Any = record.file.services_by_name[f"{record.name}Service"]
    return ReferenceCopy(model, event, service.methods_by_name[f"Get{record.name}"])


def message_in(answer: Message) -> Message:
    """The record in the answer of a standard Get method."""
    record: Message = getattr(answer, answer.DESCRIPTOR.fields[0].name)
    return record


def get_request(method: MethodDescriptor, record_id: str) -> Message:
    """A request of a standard Get method."""
    return GetMessageClass(method.input_type)(id=record_id)
