"""`GET /v1/stream`."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from rotunda_gateway.auth.callers import Callers
from rotunda_gateway.stream.changes import nouns
from rotunda_gateway.stream.hub import Hub
from rotunda_gateway.stream.positions import positions_of
from rotunda_gateway.stream.reader import Wanted
from rotunda_gateway.stream.response import EventStream
from rotunda_kit.errors import FieldViolation, InvalidArgument

MOST_NAMED = 100

DESCRIPTION = """Tells changes of what the caller may see, within two seconds, as server-sent events:

- `change`: `id` of the event, its `type` (`sales.opportunity.won`), the `record{type, id}`, its `etag` after the
  change, `time` and `actorId`. What the record says now, `GET` tells, as the caller may read it.
- `reset`: changes of these `services` were missed, for the client was away for too long: load again what is shown of
  them.
- `end`: the caller may not read any more; the data is a problem, for example that the session has ended.

Who comes back with `Last-Event-ID` (or `lastEventId`) goes on where he was; a change may then come twice, with the
same `id`. Every 15 seconds without a change an `id` alone shows that the stream lives. Who does not read for 20
seconds is cut off."""


def stream_routes(callers: Callers, hub: Hub) -> APIRouter:
    """The route of the stream."""
    router = APIRouter(tags=["Stream"])

    @router.get(
        "/v1/stream",
        summary="Changes as they happen",
        description=DESCRIPTION,
        response_class=EventStream,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def stream(
        request: Request,
        types: Annotated[
            list[str],
            Query(alias="type", description="of records (`sales.opportunity`) or events (`sales.opportunity.won`)"),
        ] = [],  # noqa: B006 - FastAPI copies it
        record_ids: Annotated[list[str], Query(alias="recordId", description="only these records")] = [],  # noqa: B006
        account_ids: Annotated[
            list[str], Query(alias="accountId", description="only these accounts and what is about them")
        ] = [],  # noqa: B006
        last_event_id: Annotated[
            str, Query(alias="lastEventId", description="where to go on; the header `Last-Event-ID` goes before it")
        ] = "",
    ) -> EventStream:
        caller = await callers.caller(request.headers)
        violations = [
            *_unknown(request.query_params.keys()),
            *_types(types),
            *_ids("recordId", record_ids),
            *_ids("accountId", account_ids),
        ]
        if violations:
            raise InvalidArgument(violations)
        at = request.headers.get("last-event-id", last_event_id)
        positions = positions_of(at) if at else None
        wanted = Wanted(frozenset(types), _same(record_ids), _same(account_ids))
        reader = await hub.reader(wanted, request.headers, caller, positions)
        return EventStream(reader.text(), hub.reading(reader))

    return router


def _unknown(names: Iterable[str]) -> list[FieldViolation]:
    known = {"type", "recordId", "accountId", "lastEventId"}
    return [FieldViolation(name, f"is none of {', '.join(sorted(known))}") for name in names if name not in known]


def _types(types: list[str]) -> list[FieldViolation]:
    wrong = [name for name in types if name not in nouns() and name.rpartition(".")[0] not in nouns()]
    return [*_many("type", types), *(FieldViolation("type", f"{name[:100]} is no type of records") for name in wrong)]


def _ids(name: str, ids: list[str]) -> list[FieldViolation]:
    return [*_many(name, ids), *(FieldViolation(name, "is no id") for each in ids if not _is_uuid(each))]


def _many(name: str, values: list[str]) -> list[FieldViolation]:
    return [FieldViolation(name, f"is given more than {MOST_NAMED} times")] if len(values) > MOST_NAMED else []


def _same(ids: list[str]) -> frozenset[str]:
    """Ids as events have them, however they were written."""
    return frozenset(str(UUID(each)) for each in ids)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
