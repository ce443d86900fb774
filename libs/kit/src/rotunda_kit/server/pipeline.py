"""What every call passes through.

In this order: trace, error mapping, identity, permission, request check, references, transaction with idempotency.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.trace import SpanKind
from sqlalchemy import Table

from rotunda_kit.access.control import AccessControl
from rotunda_kit.access.permissions import owned, permission_of
from rotunda_kit.audit.entries import Cause, Entry, note
from rotunda_kit.audit.reads import noun_of, reads_in, shows_sensitive
from rotunda_kit.check import check_and_normalise
from rotunda_kit.client import DEFAULT_TIMEOUT, Clients, rpc_attributes
from rotunda_kit.db.engine import Database
from rotunda_kit.db.failures import RETRYABLE, UNIQUE_VIOLATION, sqlstate, translate
from rotunda_kit.db.unit_of_work import Answer, unit_of_work
from rotunda_kit.errors import (
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    Overloaded,
    RotundaError,
    Unauthenticated,
    Unavailable,
)
from rotunda_kit.identity import TokenVerifier
from rotunda_kit.resource.references import ReferenceCheck
from rotunda_kit.server.call import Call, Command
from rotunda_kit.server.idempotency import answer_of_twin, digest_of, kept_answer
from rotunda_kit.server.method import Method, Servicer
from rotunda_kit.status import STATUS_METADATA, to_status
from rotunda_kit.telemetry.logs import raised_at
from rotunda_kit.telemetry.metrics import RPC_DURATION, SHED
from rotunda_kit.telemetry.traces import entry_span, failed

log = structlog.get_logger()

# A transaction that met a dead-lock is done again from its start.
ATTEMPTS = 3

# A batch answers for each item by itself, so its items are not checked with the request.
ITEMS = frozenset({"requests"})


class Pipeline:
    """Serves the methods of one service process.

    Args:
        service: name of the service.
        database: of the service.
        control: decides who may do what.
        clients: to the other services.
        tokens: verifies callers.
        references: knows which records exist.
        tables: of the service, to name the fields of violated constraints.
        most_in_flight: calls at a time.
    """

    def __init__(
        self,
        service: str,
        database: Database,
        control: AccessControl,
        clients: Clients,
        tokens: TokenVerifier,
        references: ReferenceCheck,
        tables: list[Table],
        most_in_flight: int,
    ) -> None:
        self._service = service
        self._database = database
        self._control = control
        self._clients = clients
        self._tokens = tokens
        self._references = references
        self._tables = tables
        self._most_in_flight = most_in_flight
        self._in_flight = 0
        self._draining = False
        self._idle = asyncio.Event()

    async def drain(self, grace: float) -> None:
        """Refuse new calls, and return when those in flight have ended, at the latest after so many seconds."""
        self._draining = True
        if not self._in_flight:
            return
        try:
            async with asyncio.timeout(grace):
                await self._idle.wait()
        except TimeoutError:
            log.warning("calls are cut off", calls=self._in_flight)

    def handler(self, servicer: Servicer) -> grpc.GenericRpcHandler:
        """The handler for all methods of a servicer.

        Requests and answers pass as bytes: parsing is part of the pipeline, so that a request that is no message gets
        a clear error.
        """
        return grpc.method_handlers_generic_handler(
            servicer.descriptor.full_name,
            {
                descriptor.name: grpc.unary_unary_rpc_method_handler(self._serve(servicer, descriptor, method))
                for descriptor, method in servicer.methods()
            },
        )

    def _serve(
        self, servicer: Servicer, descriptor: MethodDescriptor, method: Method
    ) -> Callable[[bytes, grpc.aio.ServicerContext], Awaitable[bytes]]:
        run = self._write if method.writes else self._read
        admit = self._door(descriptor, Command if method.writes else Call)
        name = descriptor.full_name
        told = rpc_attributes(descriptor)

        async def serve(raw: bytes, context: grpc.aio.ServicerContext) -> bytes:
            began = time.perf_counter()
            metadata: dict[str, Any] = dict(context.invocation_metadata() or ())
            with entry_span(name, SpanKind.SERVER, metadata.get("traceparent"), told) as span:
                failure, answer = await attempt(raw, context, metadata)
                code = failure.code if failure else "OK"
                if isinstance(failure, Internal | Unavailable | DeadlineExceeded):
                    failed(span, failure.reason)
            RPC_DURATION.record(time.perf_counter() - began, {**told, "rpc.grpc.status_code": code})
            return answer

        async def attempt(
            raw: bytes, context: grpc.aio.ServicerContext, metadata: dict[str, Any]
        ) -> tuple[RotundaError | None, bytes]:
            failure: RotundaError
            remaining = context.time_remaining()
            self._in_flight += 1
            try:
                self._refuse_what_is_too_much()
                async with asyncio.timeout(DEFAULT_TIMEOUT if remaining is None else remaining):
                    call = admit(metadata.get("authorization", ""))
                    return None, await run(servicer, descriptor, method, raw, call)
            except RotundaError as error:
                failure = error
            except TimeoutError:
                failure = DeadlineExceeded("DEADLINE_EXCEEDED", "It took longer than the caller would wait.")
            except Exception as error:
                failure = translate(error, self._tables) or Internal()
                if isinstance(failure, Internal):
                    # The frames, but not the message: it may hold values.
                    log.error(
                        "call failed", method=descriptor.full_name, error=type(error).__name__, where=raised_at(error)
                    )
            finally:
                self._in_flight -= 1
                if self._draining and not self._in_flight:
                    self._idle.set()
            status = to_status(failure)
            context.set_trailing_metadata(((STATUS_METADATA, status.SerializeToString()),))
            context.set_code(getattr(grpc.StatusCode, failure.code))
            context.set_details(failure.detail)
            return failure, b""

        return serve

    def _refuse_what_is_too_much(self) -> None:
        if self._draining:
            raise Unavailable("SERVICE_STOPPING", "The service is about to stop. Try again.")
        if self._in_flight > self._most_in_flight:
            SHED.add(1, {"reason": "in_flight"})
            raise Overloaded

    def _door(self, descriptor: MethodDescriptor, cls: type[Any]) -> Callable[[str], Any]:
        """Lets callers in to a method, each with a call of his own.

        Raises:
            Unauthenticated: nobody knows who calls.
            PermissionDenied: PERMISSION_MISSING.
        """
        permission = permission_of(descriptor, self._service)
        belongs = owned(descriptor)

        def admit(authorization: str) -> Any:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise Unauthenticated("TOKEN_MISSING", "The call carries no internal token.")
            principal = self._tokens.verify(token)
            call = cls(principal, token, self._control, permission, self._database, self._clients, self._tokens)
            if permission is not None:
                call.access.require(permission, owned=belongs)
            return call

        return admit

    @staticmethod
    def _parse(descriptor: MethodDescriptor, raw: bytes) -> Message:
        try:
            request = GetMessageClass(descriptor.input_type).FromString(raw)
        except DecodeError as error:
            raise InvalidArgument([], "INVALID_MESSAGE", "The request is not a message of this method.") from error
        violations = check_and_normalise(request, skip=ITEMS)
        if violations:
            raise InvalidArgument(violations)
        return request

    async def _read(
        self, servicer: Servicer, descriptor: MethodDescriptor, method: Method, raw: bytes, call: Call
    ) -> bytes:
        request = self._parse(descriptor, raw)
        answer = await method.handle(servicer, request, call)
        entries = _reads(descriptor, request, answer)
        if entries:
            await note(self._database, entries, Cause.of(call.principal, descriptor.full_name))
        return answer.SerializeToString()

    async def _write(
        self, servicer: Servicer, descriptor: MethodDescriptor, method: Method, raw: bytes, call: Command
    ) -> bytes:
        request = self._parse(descriptor, raw)
        request_id: str = getattr(request, "request_id", "")
        digest = digest_of(request) if request_id else b""
        call.unknown = await self._references.unknown(request, call)
        if not hasattr(request, "requests"):
            call.refuse_unknown(request)
        caller = call.principal.subject
        cause = Cause.of(call.principal, descriptor.full_name, request_id)
        claimed = False
        attempt = 1
        while True:
            try:
                async with unit_of_work(self._database, caller, cause) as work:
                    call.work = work
                    if request_id:
                        kept = await kept_answer(work.session, caller, descriptor.full_name, request_id, digest)
                        if kept is not None:
                            return kept
                        claimed = True
                    message = await method.handle(servicer, request, call)
                    work.note(*_reads(descriptor, request, message))
                    answer: bytes = message.SerializeToString()
                    if request_id:
                        work.keep(Answer(caller, descriptor.full_name, request_id, digest, answer))
                    return call.completed(message, answer)
            except Exception as error:
                if claimed and (isinstance(error, RotundaError) or sqlstate(error) == UNIQUE_VIOLATION):
                    async with self._database.reading() as connection:
                        kept = await answer_of_twin(connection, caller, descriptor.full_name, request_id, digest)
                    if kept is not None:
                        return kept
                if sqlstate(error) not in RETRYABLE or attempt == ATTEMPTS:
                    raise
                attempt += 1


def _reads(method: MethodDescriptor, request: Message, answer: Message) -> list[Entry]:
    """What the audit trail is to tell of an answer itself."""
    return reads_in(request, answer, noun_of(method)) if shows_sensitive(method) else []
