"""A noun's standard methods, in a line each, and the frame of its own verbs."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rotunda_kit.access.permissions import UPDATE
from rotunda_kit.check.formats import is_uuid
from rotunda_kit.errors import InvalidArgument
from rotunda_kit.resource.batch import CREATED, UNCHANGED, UPDATED, BatchItem, batch_method
from rotunda_kit.resource.records import Guard, M, R, Records, shows_deleted
from rotunda_kit.server.call import Call, Command
from rotunda_kit.server.method import Method, response_class

UPSERT = "externalIds"
# An id that no record has.
NOBODY = str(UUID(int=0))


@dataclass(frozen=True, slots=True)
class Verb(Method):
    """A method that changes one record by a verb of its noun."""

    apply: Callable[[Command, Any, Any], Awaitable[None]]


class Collection(Records[R, M]):
    """The records of one noun and its methods, made as `Records` are."""

    def get(self) -> Method:
        """Get<Noun>."""

        async def handle(_servicer: Any, request: Any, call: Call) -> Any:
            statement = self.mapping.by_id_or_deleted if shows_deleted(request) else self.mapping.by_id
            for name, value in self._where(request).items():
                statement = statement.where(self.mapping.table.c[name] == UUID(value))
            rows = await call.rows(await self.admission.visible(call, statement), {"id": UUID(request.id)})
            if not rows:
                raise self.not_found()
            (message,) = await self.read(call, rows)
            return self._answer(call, request, message)

        return Method(False, handle)

    def list(self) -> Method:
        """List<Nouns>, a page at a time."""

        async def handle(_servicer: Any, request: Any, call: Call) -> Any:
            messages, token = await self.page(call, request)
            answer = response_class(request)(next_page_token=token)
            getattr(answer, self.resource_field(answer).name).extend(messages)
            return answer

        return Method(False, handle)

    def create(self) -> Method:
        """Create<Noun>."""

        async def handle(_servicer: Any, request: Any, call: Command) -> Any:
            return self._answer(call, request, await self.message(call, await self.new(call, request)))

        return Method(True, handle)

    def update(self) -> Method:
        """Update<Noun>: the fields of the mask, or those that are set."""

        async def handle(_servicer: Any, request: Any, call: Command) -> Any:
            given = self._given(request)
            record = await self.load(call, given.id, given.etag, where=self._where(given))
            await self.change(call, record, request, list(request.update_mask.paths))
            return self._answer(call, request, await self.message(call, record))

        return Method(True, handle)

    def delete(self, *guards: Guard[R]) -> Method:
        """Delete<Noun>: into the recycle bin.

        Args:
            *guards: reasons why it may have to stay.
        """

        async def handle(_servicer: Any, request: Any, call: Command) -> Any:
            record = await self.load(call, request.id, request.etag, where=self._where(request))
            record.delete()
            for guard in guards:
                await guard(call, record)
            return response_class(request)()

        return Method(True, handle)

    def undelete(self, *bring_back: Guard[R]) -> Method:
        """Undelete<Noun>: out of the recycle bin, where the rules allow it as it was.

        Args:
            *bring_back: further reasons why it may have to stay there, and what comes back with it.
        """

        async def handle(_servicer: Any, request: Any, call: Command) -> Any:
            record = await self.load(call, request.id, request.etag, where=self._where(request), deleted=True)
            record.undelete()
            for guard in (*self._guards, *bring_back):
                await guard(call, record)
            return self._answer(call, request, await self.message(call, record))

        return Method(True, handle)

    def batch_create(self) -> Method:
        """BatchCreate<Nouns>: many create requests, each for itself.

        With `upsert_by` an item that shares an external id with a record changes that one.
        """

        def prepare(request: Any) -> None:
            if request.upsert_by not in ("", UPSERT, "external_ids"):
                raise InvalidArgument.of("upsert_by", f"must be {UPSERT} or unset")
            for item in request.requests:
                self._complete(request, self._given(item))

        async def start(call: Command, request: Any, items: Sequence[Any]) -> Callable[[Any], Awaitable[BatchItem]]:
            named = await self._named(call, items) if request.upsert_by else {}

            async def handle(item: Any) -> BatchItem:
                given = self._given(item)
                keys = [(external.system, external.id) for external in given.external_ids]
                known = {named[key] for key in keys if key in named}
                if len(known) > 1:
                    raise InvalidArgument.of("external_ids", "name different records")
                if known:
                    updating = self.admission.require(call, UPDATE)
                    record = await self.load(call, str(known.pop()), permission=updating)
                    changed = await self.change(call, record, item)
                    return BatchItem(record, UPDATED if changed else UNCHANGED)
                record = await self.new(call, item)
                if request.upsert_by:
                    named.update((key, record.id) for key in keys)
                    call.work.note_locked([record])
                return BatchItem(record, CREATED)

            return handle

        return batch_method(start, self.admission.shield, prepare)

    def batch_update(self) -> Method:
        """BatchUpdate<Nouns>: many changes, each for itself, of the records that the items' `id` says."""

        def prepare(request: Any) -> None:
            for item in request.requests:
                given = self._given(item)
                # One that is wrong is named once, where it stands.
                given.id = item.id if is_uuid(item.id) else NOBODY
                self._complete(request, given)

        async def start(call: Command, _request: Any, items: Sequence[Any]) -> Callable[[Any], Awaitable[BatchItem]]:
            await self.load_many(call, [item.id for item in items])

            async def handle(item: Any) -> BatchItem:
                given = self._given(item)
                record = await self.load(call, given.id, given.etag, where=self._where(given))
                changed = await self.change(call, record, item, list(item.update_mask.paths))
                return BatchItem(record, UPDATED if changed else UNCHANGED)

            return handle

        return batch_method(start, self.admission.shield, prepare)

    def _given(self, request: Any) -> Any:
        return getattr(request, self.resource_field(request).name)

    def _complete(self, request: Any, given: Any) -> None:
        """Let a record of a batch be of the parent that the batch names."""
        for name, value in self._where(request).items():
            setattr(given, name, value)

    def verb(self, apply: Callable[[Command, R, Any], Awaitable[None]]) -> "Verb":
        """A method `<Verb><Noun>` that changes one record: load it, call the rule, answer with the record as it is now.

        The decorated function gets the call, the record and the request.
        """

        async def handle(_servicer: Any, request: Any, call: Command) -> Any:
            record = await self.load(call, request.id, request.etag)
            await apply(call, record, request)
            return self._answer(call, request, await self.message(call, record))

        return Verb(True, handle, apply)

    def batch(self, verb: "Verb") -> Method:
        """A method `Batch<Verb><Nouns>` that does the same to many records."""

        async def start(call: Command, _request: Any, items: Sequence[Any]) -> Callable[[Any], Awaitable[BatchItem]]:
            await self.load_many(call, [item.id for item in items])

            async def handle(item: Any) -> BatchItem:
                record = await self.load(call, item.id, item.etag)
                await verb.apply(call, record, item)
                return BatchItem(record, UPDATED)

            return handle

        return batch_method(start, self.admission.shield)
