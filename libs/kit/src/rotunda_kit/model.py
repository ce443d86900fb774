"""What every mapped class stands on.

Nothing here, and nothing in a noun's `model.py`, knows of gRPC, NATS or protobuf: a rule can be tested with plain
objects.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum as PythonEnum
from typing import Any, ClassVar, dataclass_transform
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, Enum, Index, MetaData, Numeric, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, MappedAsDataclass, declared_attr, mapped_column
from uuid_utils.compat import uuid7

from rotunda_kit.errors import AlreadyExists, EtagMismatch, FieldViolation

# One JSON object as it stands in an API message, for example a phone number of a contact.
type_json = dict[str, Any]

NAMING = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


# What is in the recycle bin.
DELETED = "delete_time IS NOT NULL AND purge_time IS NULL"


def now() -> datetime:
    """The present, in UTC, to the microsecond that PostgreSQL keeps."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """A UUIDv7: ids made later sort later."""
    return uuid7()


@dataclass_transform(kw_only_default=True, field_specifiers=(mapped_column,))
class ModelBase(MappedAsDataclass, kw_only=True, eq=False, repr=False):
    """What a service's `Base` derives from: `class Base(ModelBase, DeclarativeBase): metadata = own_metadata()`.

    Mapped classes are dataclasses too, so that defaults hold on plain objects.
    """

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        int: BigInteger,
        datetime: DateTime(timezone=True),
        date: Date,
        Decimal: Numeric(28, 9),
        UUID: Uuid,
        PythonEnum: Enum(PythonEnum, native_enum=False, create_constraint=False, length=40),
        list[str]: ARRAY(Text),
        list[UUID]: ARRAY(Uuid),
        list[type_json]: JSONB,
        type_json: JSONB,
    }


def own_metadata() -> MetaData:
    """Metadata for one service's tables, with the project's names of constraints and indexes."""
    return MetaData(naming_convention=NAMING)


def living(name: str, *columns: Any, unique: bool = False, **options: Any) -> Index:
    """An index over the records that are not in the recycle bin; nearly every query asks for those alone.

    Args:
        name: of the index.
        *columns: names, or expressions such as `text("id DESC")`.
        unique: no two living records may agree in them.
        **options: of SQLAlchemy's `Index`. `info` of a unique one may hold the `reason` and the `field` of the error
            that
            a second record gets, where they are not plain from its columns.
    """
    return Index(name, *columns, unique=unique, postgresql_where=text("delete_time IS NULL"), **options)


class Change:
    """One thing that happened to a record, to be told as an event: `verb` in the past tense, and its particulars."""

    __slots__ = ("detail", "verb")

    def __init__(self, verb: str, detail: dict[str, Any]) -> None:
        self.verb = verb
        self.detail = detail


@dataclass_transform(kw_only_default=True, field_specifiers=(mapped_column,))
class Resource(MappedAsDataclass, kw_only=True, eq=False, repr=False):
    """A record that the API shows: it has an identity, a version, and a history that is told as events.

    A class names itself by `__noun__`, for example `sales.opportunity`; its table is named after it. No two records
    have the same id, of whatever nouns they are.
    """

    __noun__: ClassVar[str]

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id, sort_order=-10)
    version: Mapped[int] = mapped_column(default=1, sort_order=-9)
    create_time: Mapped[datetime] = mapped_column(default_factory=now, sort_order=-8)
    update_time: Mapped[datetime] = mapped_column(default_factory=now, sort_order=-7)
    # Deletes are soft: nothing that a user wrote is lost before it was in the recycle bin for a while.
    delete_time: Mapped[datetime | None] = mapped_column(default=None, sort_order=-6)
    # When a deleted record was emptied: its id stays, so that nobody takes it for one that he has not heard of yet.
    purge_time: Mapped[datetime | None] = mapped_column(default=None, sort_order=-6)
    external_ids: Mapped[list[type_json]] = mapped_column(default_factory=list, sort_order=-5)

    def __init_subclass__(cls, **options: Any) -> None:
        """Give the table the index of its recycle bin, and map the class."""
        table = cls.__noun__.split(".")[1]
        cls.__table_args__ = (
            *getattr(cls, "__table_args__", ()),
            Index(f"{table}_deleted_idx", "delete_time", "id", postgresql_where=text(DELETED)),
        )
        super().__init_subclass__(**options)

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805 - SQLAlchemy calls it on the class
        return cls.__noun__.split(".")[1]

    @property
    def etag(self) -> str:
        """Changes with every change of the record."""
        return str(self.version)

    def expect(self, etag: str) -> None:
        """Refuse a stale write.

        Args:
            etag: what the caller read; empty if he does not care.

        Raises:
            EtagMismatch: the record changed since.
        """
        if etag and etag != self.etag:
            raise EtagMismatch(self.etag)

    def record(self, verb: str, **detail: Any) -> None:
        """Note that something happened; the unit of work tells it to the others when it commits.

        Args:
            verb: past tense, for example `won`.
            **detail: fields of the noun's `<Noun>Detail` message.
        """
        self.__dict__.setdefault("_changes", []).append(Change(verb, detail))

    def take_changes(self) -> list[Change]:
        """What was recorded since the last call."""
        changes: list[Change] = self.__dict__.pop("_changes", [])
        return changes

    def changes(self) -> list[Change]:
        """What was recorded and not yet told."""
        return list(self.__dict__.get("_changes", ()))

    def restore_changes(self, changes: list[Change]) -> None:
        """Go back to what was recorded before a savepoint."""
        self.__dict__["_changes"] = changes

    def violations(self) -> Iterable[FieldViolation]:
        """The fields that break a rule of the record itself, whoever set them. Checked before every write."""
        return ()

    def change(self, values: Mapping[str, Any]) -> bool:
        """Set fields as an update asks; a noun with rules about when it may change overrides it.

        Returns:
            Whether anything differs now.
        """
        changed = False
        for name, value in values.items():
            if getattr(self, name) != value:
                setattr(self, name, value)
                changed = True
        if changed:
            self.record("updated")
        return changed

    def delete(self, at: Callable[[], datetime] = now) -> None:
        """Move to the recycle bin."""
        self.delete_time = at()
        self.record("deleted")

    def undelete(self) -> None:
        """Bring back from the recycle bin.

        Raises:
            AlreadyExists: NOT_DELETED.
        """
        if self.delete_time is None:
            raise AlreadyExists("NOT_DELETED", "It is not in the recycle bin.")
        self.delete_time = None
        self.record("undeleted")
