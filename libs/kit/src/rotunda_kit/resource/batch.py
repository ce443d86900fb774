"""Batches: many requests in one, each for itself, all in one transaction.

First all items together; if one of them fails, all again one by one, each in a savepoint, so that it fails alone.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from sqlalchemy.exc import DBAPIError

from rotunda_kit.check import check_and_normalise
from rotunda_kit.db.failures import RETRYABLE, sqlstate, translate
from rotunda_kit.errors import InvalidArgument, RotundaError
from rotunda_kit.model import Resource
from rotunda_kit.resource.publication import nouns
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Method, response_class
from rotunda_kit.status import problem

CREATED, UPDATED, UNCHANGED, FAILED = "CREATED", "UPDATED", "UNCHANGED", "FAILED"
OUTCOME = "BATCH_OUTCOME_"


@dataclass(frozen=True, slots=True)
class BatchItem:
    """What became of one item."""

    record: Resource
    outcome: str


Shown = Callable[[Command, Message], None]
Handle = Callable[[Any], Awaitable[BatchItem]]
# Looks at the whole request once, and gives the code for one item; called again when the items are taken one by one.
Start = Callable[[Command, Any, Sequence[Any]], Awaitable[Handle]]


def batch_method(start: Start, shown: Shown, prepare: Callable[[Any], None] | None = None) -> Method:
    """The method behind `Batch<Verb><Nouns>`, whose request has `requests` and whose answer has `results`.

    Args:
        start: gives the code for one item.
        shown: takes out of a result's record what the caller is not to see.
        prepare: completes the items from the request before they are checked.
    """

    async def handle(_servicer: Any, request: Any, call: Command) -> Any:
        if prepare is not None:
            prepare(request)
        answer: Any = response_class(request)()
        results = [answer.results.add() for _ in request.requests]
        good: list[tuple[Any, Any]] = []
        for item, result in zip(request.requests, results, strict=True):
            error = _refusal(call, item)
            if error is None:
                good.append((item, result))
            else:
                _fail(result, error, item)
        if good and not await _together(call, start, request, good):
            await _one_by_one(call, start, request, good)
        for _, result in good:
            if not result.HasField("error"):
                shown(call, getattr(result, _resource_field(result)))
        return answer

    return Method(True, handle)


def _refusal(call: Command, item: Message) -> RotundaError | None:
    violations = check_and_normalise(item)
    if violations:
        return InvalidArgument(violations)
    try:
        call.refuse_unknown(item)
    except InvalidArgument as error:
        return error
    return None


async def _together(call: Command, start: Start, request: Any, good: list[tuple[Any, Any]]) -> bool:
    try:
        async with call.work.savepoint():
            handle = await start(call, request, [item for item, _ in good])
            done = [await handle(item) for item, _ in good]
            messages = await call.work.messages([item.record for item in done])
    except (RotundaError, DBAPIError) as error:
        if sqlstate(error) in RETRYABLE:
            raise
        return False
    for (_, result), item, message in zip(good, done, messages, strict=True):
        _succeed(result, item, message)
    return True


async def _one_by_one(call: Command, start: Start, request: Any, good: list[tuple[Any, Any]]) -> None:
    handle = await start(call, request, [item for item, _ in good])
    for item, result in good:
        try:
            async with call.work.savepoint():
                done = await handle(item)
                (message,) = await call.work.messages([done.record])
        except (RotundaError, DBAPIError) as error:
            if sqlstate(error) in RETRYABLE:
                raise
            tables: list[Any] = [model.__table__ for model in nouns().values()]  # type: ignore[attr-defined]
            failure = error if isinstance(error, RotundaError) else translate(error, tables)
            if failure is None:
                raise
            _fail(result, failure, item)
        else:
            _succeed(result, done, message)


def _resource_field(result: Message) -> str:
    fields = [field for field in result.DESCRIPTOR.fields if field.message_type is not None]
    (name,) = [field.name for field in fields if field.name != "error"]
    return name


def _succeed(result: Any, item: BatchItem, message: Message) -> None:
    result.outcome = OUTCOME + item.outcome
    getattr(result, _resource_field(result)).CopyFrom(message)


def _fail(result: Any, error: RotundaError, item: Message) -> None:
    result.outcome = OUTCOME + FAILED
    name = _resource_field(result)
    prefix = f"{name}." if name in item.DESCRIPTOR.fields_by_name else ""
    result.error.CopyFrom(problem(error, prefix))
