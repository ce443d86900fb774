"""A noun's records, and the steps that its methods are made of."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy import ColumnElement, FromClause, Select, select

from rotunda_kit.access.permissions import CREATE, READ, UPDATE, Permission, resource_of
from rotunda_kit.custom_fields.catalogue import catalogue_for
from rotunda_kit.custom_fields.taking import take_custom_fields
from rotunda_kit.errors import FieldViolation, InvalidArgument, NotFound
from rotunda_kit.listing.page import Page
from rotunda_kit.model import Resource
from rotunda_kit.resource.admission import Admission
from rotunda_kit.resource.external_ids import records_named
from rotunda_kit.resource.mapping import CUSTOM_FIELDS, ResourceMapping, there
from rotunda_kit.resource.publication import Publication, publish
from rotunda_kit.server.call import Call, Command
from rotunda_kit.server.method import response_class

R = TypeVar("R", bound=Resource)
M = TypeVar("M", bound=Message)

Build = Callable[[Command, Any, dict[str, Any]], Awaitable[R]]
Guard = Callable[[Command, R], Awaitable[None]]
# Takes a field of the message into the record; returns whether anything differs.
Setter = Callable[[Command, R, Any], Awaitable[bool]]

NEWEST_FIRST = "id desc"


class Records(Generic[R, M]):
    """The records of one noun.

    Args:
        model: its mapped class.
        message: its message.
        event: payload of its events, `<Noun>Event`; None if nobody else hears of it.
        derived: read-only fields and where they come from (see `ResourceMapping`).
        joins: what `derived` needs.
        by_hand: input fields that no column keeps as they are, each with the code that takes it in.
        build: makes a new record from a create request and the attributes that it sets; the mapped class itself if
        omitted.
        guards: rules that need the database, asked before a new or updated record is written.
        parent: the noun that this one's records live under, and the field that says which.
        order: of lists, unless the caller says otherwise.
        admission: decides who may do what with them, where it is not for roles and ownership alone.
    """

    def __init__(
        self,
        model: type[R],
        message: type[M],
        *,
        event: type[Message] | None = None,
        derived: Mapping[str, ColumnElement[Any]] | None = None,
        joins: Iterable[tuple[FromClause, ColumnElement[bool]]] = (),
        by_hand: Mapping[str, Setter[R]] | None = None,
        build: Build[R] | None = None,
        guards: Sequence[Guard[R]] = (),
        parent: tuple[type[Resource], str] | None = None,
        order: str = NEWEST_FIRST,
        admission: Admission | None = None,
    ) -> None:
        self.model = model
        self.mapping = ResourceMapping(model, message, derived=derived, joins=joins, by_hand=by_hand or ())
        self._by_hand = dict(by_hand or {})
        self._catalogue = catalogue_for(model)
        if self._catalogue is not None:
            self._by_hand[CUSTOM_FIELDS] = take_custom_fields
        self._build = build
        self._guards = guards
        self._parent = parent
        self._order = order
        self.admission = admission or Admission(model.__noun__, resource_of(self.mapping.descriptor))
        publish(Publication(self.mapping, event, parent[0].__noun__ if parent else ""))

    def not_found(self) -> NotFound:
        """The error for a record that is not there."""
        return _not_found(self.model)

    async def load(
        self,
        call: Command,
        record_id: str,
        etag: str = "",
        permission: Permission | None = None,
        *,
        where: Mapping[str, str] | None = None,
        deleted: bool = False,
    ) -> R:
        """The record, locked until the end of the transaction.

        Args:
            call: the command that will change it.
            record_id: of the request.
            etag: what the caller read; empty if he does not care.
            permission: what is to be done with it; what the method needs if omitted.
            where: further fields that must agree, for example its parent.
            deleted: whether it may be in the recycle bin.

        Raises:
            NotFound: `<NOUN>_NOT_FOUND`.
            EtagMismatch: it changed since.
            PermissionDenied: OUT_OF_SCOPE, the caller may see it, but not do this.
        """
        record: R | None = call.work.locked(self.model, UUID(record_id))
        if record is None:
            permission = permission or self.admission.permission(call, UPDATE)
            found, refused = await self._lock(call, [UUID(record_id)], permission, deleted=deleted)
            if refused:
                raise self.admission.refusal(permission)
            record = found.get(UUID(record_id))
        if record is None or any(str(getattr(record, name)) != value for name, value in (where or {}).items()):
            raise self.not_found()
        record.expect(etag)
        return record

    async def load_many(self, call: Command, ids: Iterable[str]) -> None:
        """Lock many records at once, so that `load` finds them."""
        await self._lock(call, [UUID(record_id) for record_id in ids], self.admission.permission(call, UPDATE))

    async def _lock(
        self, call: Command, ids: list[UUID], permission: Permission, *, deleted: bool = False
    ) -> tuple[dict[UUID, R], set[UUID]]:
        """Locks records; returns those that the caller may do this with, and those that he may only see."""
        model: Any = self.model
        statement = (
            select(model)
            .where(model.id.in_(ids), there(self.mapping.table, deleted=deleted))
            # In one order everywhere, or two batches would wait for each other.
            .order_by(model.id)
            .with_for_update(of=model)
            .execution_options(populate_existing=True)
        )
        found: dict[UUID, R] = {record.id: record for record in await call.session.scalars(statement)}
        allowed, seen = await self.admission.sort_out(call, permission, list(found))
        found = {record_id: record for record_id, record in found.items() if record_id in allowed}
        call.work.note_locked(found.values())
        return found, seen - allowed

    async def message(self, call: Command, record: R) -> M:
        """The record's message as it is now."""
        (message,) = await call.work.messages([record])
        return message  # type: ignore[no-any-return]

    async def new(self, call: Command, request: Message) -> R:
        """A new record from a create request."""
        field = self.resource_field(request).name
        given: Any = getattr(request, field)
        if self._parent:
            await self._enter_parent(call, request, given, self._parent[1])
        self.admission.settable(call, given, set(), [], field)
        values = {
            name: value
            for name, value in self.mapping.values(given, self.mapping.writable(given)).items()
            if value is not None
        }
        self.admission.own_by_default(call, values)
        record = await self._build(call, request, values) if self._build else self.model(**values)
        for setter in self._by_hand.values():
            await setter(call, record, given)
        await self._admit(call, record, request)
        call.session.add(record)
        await self.admission.keep_in_scope(call, record, CREATE)
        return record

    async def change(self, call: Command, record: R, request: Message, mask: Iterable[str] = ()) -> bool:
        """Change a record as an update request says; returns whether anything differs.

        Raises:
            InvalidArgument: an immutable field would change, or one is cleared that can't be.
        """
        field = self.resource_field(request).name
        given: Any = getattr(request, field)
        mask = set(mask)
        names = self.admission.settable(call, given, mask, self.mapping.writable(given, mask), field)
        values = self.mapping.values(given, names)
        wrong = []
        for name, value in list(values.items()):
            column = self.mapping.table.c.get(name)
            if name in self.mapping.immutable:
                if getattr(record, name) != value and not (value is None and "*" in mask):
                    wrong.append(FieldViolation(f"{field}.{name}", "can't be changed once it is set"))
                del values[name]
            elif value is None and column is not None and not column.nullable:
                wrong.append(FieldViolation(f"{field}.{name}", "can't be cleared"))
        if wrong:
            raise InvalidArgument(wrong)
        changed = record.change(values)
        changed |= await self._take_by_hand(call, record, given, mask, recorded=changed)
        if changed:
            await self._admit(call, record, request)
            await self.admission.keep_in_scope(call, record, UPDATE, values)
        return changed

    async def _take_by_hand(self, call: Command, record: R, given: Any, mask: set[str], *, recorded: bool) -> bool:
        set_fields = {field.name for field, _ in given.ListFields()}
        changed = False
        for name, setter in self._by_hand.items():
            if name in (mask or set_fields) or "*" in mask:
                changed |= await setter(call, record, given)
        if changed and not recorded:
            record.record("updated")
        return changed

    async def _admit(self, call: Command, record: R, request: Message) -> None:
        field = self.resource_field(request).name
        violations = [violation.under(field) for violation in record.violations()]
        if violations:
            raise InvalidArgument(violations)
        for guard in self._guards:
            await guard(call, record)

    async def page(self, call: Call, request: Any, statement: Select[Any] | None = None) -> tuple[list[M], str]:
        """One page of a list request: its messages, and the token of the next page.

        Args:
            call: who asks.
            request: with `filter`, `order_by`, `page_size` and `page_token`, and perhaps `show_deleted`.
            statement: narrower than all of these records; made from `self.mapping.select()`.
        """
        deleted = shows_deleted(request)
        binding = f"{request.DESCRIPTOR.full_name}{' with deleted' if deleted else ''}"
        if self._parent:
            parent_id = getattr(request, self._parent[1])
            binding = f"{binding} {parent_id}"
        if "custom" in f"{request.filter} {request.order_by}":
            # Who asks may have made it a moment ago, in another process.
            await self._look_at_custom_fields(call)
        page = Page(
            self.admission.listed(call, self.mapping.listed()),
            filter=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
            binding=binding,
            default_order=self._order,
        )
        statement = self.mapping.select(deleted=deleted) if statement is None else statement
        if self._parent:
            await self._parent_exists(call, parent_id, deleted=deleted)
            statement = statement.where(self.mapping.table.c[self._parent[1]] == UUID(parent_id))
        statement = await self.admission.visible(call, statement)
        rows, token = page.cut(await call.rows(page.apply(statement)))
        messages = await self.read(call, rows)
        for message in messages:
            self.admission.shield(call, message)
        return messages, token

    async def read(self, call: Call, rows: Sequence[Any]) -> list[M]:
        """The messages of rows of `self.mapping.select()`."""
        if self.mapping.puzzles(rows):
            await self._look_at_custom_fields(call)
        return [self.mapping.read(row) for row in rows]

    async def _look_at_custom_fields(self, call: Call) -> None:
        if self._catalogue is not None:
            async with call.database.reading() as connection:
                await self._catalogue.refresh(connection)

    async def _enter_parent(self, call: Command, request: Any, given: Any, name: str) -> None:
        """Let a new record be of the parent that the request names beside it, or that it names itself (in a batch)."""
        parent_id: str = getattr(request, name, "") or getattr(given, name)
        if not parent_id:
            raise InvalidArgument.of(name, "must be set")
        setattr(given, name, parent_id)
        # A batch asks once.
        known: set[str] = call.session.info.setdefault("parents", set())
        if parent_id not in known:
            await self._parent_exists(call, parent_id)
            known.add(parent_id)

    async def _parent_exists(self, call: Call, parent_id: str, *, deleted: bool = False) -> None:
        assert self._parent is not None  # noqa: S101 - asked by those who have one
        table = self._parent[0].__table__  # type: ignore[attr-defined] # every concrete mapped class has one
        statement = select(table.c.id).where(table.c.id == UUID(parent_id), there(table, deleted=deleted))
        condition = await call.access.condition(self._parent[0].__noun__, self.admission.permission(call, READ))
        if not await call.rows(statement if condition is None else statement.where(condition)):
            raise _not_found(self._parent[0])

    def resource_field(self, message: Message) -> Any:
        """The field of a request or an answer that holds the resource, or many of them."""
        for field in message.DESCRIPTOR.fields:
            if field.message_type is self.mapping.descriptor:
                return field
        raise TypeError(f"{message.DESCRIPTOR.full_name} holds no {self.mapping.descriptor.name}")

    def _where(self, request: Message) -> dict[str, str]:
        return {self._parent[1]: getattr(request, self._parent[1])} if self._parent else {}

    async def _named(self, call: Command, items: Iterable[Any]) -> dict[tuple[str, str], UUID]:
        """Records that items name by an external id, locked."""
        keys = {
            (external.system, external.id)
            for item in items
            for external in getattr(item, self.resource_field(item).name).external_ids
        }
        named = await records_named(call.session, self.model.__noun__, keys)
        await self._lock(call, list(set(named.values())), Permission(self.admission.resource, UPDATE))
        return named

    def _answer(self, call: Call, request: Message, message: M) -> Any:
        answer = response_class(request)()
        shown = getattr(answer, self.resource_field(answer).name)
        shown.CopyFrom(message)
        self.admission.shield(call, shown)
        return answer


def shows_deleted(request: Any) -> bool:
    """Whether a request asks for what is in the recycle bin, too."""
    return bool(getattr(request, "show_deleted", False))


def _not_found(model: type[Resource]) -> NotFound:
    name = model.__noun__.split(".")[1]
    return NotFound(f"{name.upper()}_NOT_FOUND", f"There is no such {name.replace('_', ' ')}.")
