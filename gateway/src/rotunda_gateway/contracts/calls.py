"""Calls of methods, whoever implements them.

A method of a service's own goes to that service. One of `rotunda.kit.v1`, which several implement, goes to

- the one that its id names, `sales-17`; else the one that has a record of that id, whichever it is;
- the one whose record it is about, where its request or resource has a field `record`;
- all at once, and their answers become one: of lists the newest first.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from rotunda.kit.v1.resource_pb2 import RecordReference
from rotunda_gateway.contracts.merging import MergedList
from rotunda_kit.client import Clients
from rotunda_kit.errors import (
    DeadlineExceeded,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    RotundaError,
    Unavailable,
)

CONTRACTS = "rotunda.kit.v1"
SERVICES = ("customers", "sales", "service_desk", "marketing", "sync", "access")


def implementing(contract: str) -> tuple[str, ...]:
    """The services that implement a contract, for example `rotunda.kit.v1.ShareService`."""
    # Of access no record belongs to someone.
    return SERVICES[:-1] if contract == f"{CONTRACTS}.ShareService" else SERVICES


class Calls:
    """Reaches whoever answers a method.

    Args:
        clients: to all services.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    async def call(self, method: MethodDescriptor, request: Message, *, token: str, timeout: float) -> Any:  # noqa: ASYNC109 - it travels with the call as its deadline
        """Call a method and return its answer.

        Raises:
            RotundaError: as the service raised it; Unavailable or DeadlineExceeded where it did not answer.
        """
        if method.containing_service.file.package != CONTRACTS:
            return await self._clients.call(method, request, token=token, timeout=timeout)
        services = implementing(method.containing_service.full_name)
        record_id = _record_id(request)
        if record_id:
            service = next((each for each in services if record_id.startswith(f"{each}-")), None)
        else:
            service = _service_of_record(request, services)
        if service is not None:
            return await self._clients.call(method, request, token=token, timeout=timeout, service=service)
        if record_id:
            return await self._having(method, request, services, token, timeout)
        return await self._all(method, request, services, token, timeout)

    async def _having(
        self,
        method: MethodDescriptor,
        request: Message,
        services: Sequence[str],
        token: str,
        timeout: float,  # noqa: ASYNC109
    ) -> Any:
        """The answer of the service that has the record, whichever it is: no two have the same id.

        A write is sent to all, too: the others refuse it, for there is no such record, and where it was done before,
        the one that did it has kept its answer.
        """
        answers = await self._ask(method, services, [request] * len(services), token, timeout)
        errors = []
        for answer in answers:
            if not isinstance(answer, RotundaError):
                return answer
            errors.append(answer)
        for error in errors:
            if not isinstance(error, (NotFound, PermissionDenied, Unavailable, DeadlineExceeded)):
                raise error
        # Away, rather than forbidden, rather than not there.
        for kind in (Unavailable, DeadlineExceeded, PermissionDenied):
            for error in errors:
                if isinstance(error, kind):
                    raise error
        raise errors[0]

    async def _all(
        self,
        method: MethodDescriptor,
        request: Any,
        services: Sequence[str],
        token: str,
        timeout: float,  # noqa: ASYNC109
    ) -> Any:
        merged = MergedList(request, services)
        asked = merged.requests()
        answers = await self._ask(method, list(asked), list(asked.values()), token, timeout)
        answer: Any = GetMessageClass(method.output_type)()
        found: dict[str, Any] = {}
        away: list[RotundaError] = []
        refused: list[RotundaError] = []
        for service, got in zip(asked, answers, strict=True):
            if isinstance(got, (Unavailable, DeadlineExceeded)):
                away.append(got)
                answer.unreachable.append(service)
            elif isinstance(got, PermissionDenied):
                refused.append(got)
            elif isinstance(got, RotundaError):
                raise got
            else:
                found[service] = got
        if asked and not found:
            raise (refused or away)[0]
        merged.fill(answer, found)
        return answer

    async def _ask(
        self,
        method: MethodDescriptor,
        services: Sequence[str],
        requests: Sequence[Message],
        token: str,
        timeout: float,  # noqa: ASYNC109
    ) -> list[Any]:
        """The answers of services, or the errors that they raised."""
        answers = await asyncio.gather(
            *(
                self._clients.call(method, request, token=token, timeout=timeout, service=service)
                for service, request in zip(services, requests, strict=True)
            ),
            return_exceptions=True,
        )
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, RotundaError):
                raise answer
        return answers


def _holders(request: Any) -> dict[str, Any]:
    """A request and the resource in it, by their paths."""
    resources = {
        field.name: getattr(request, field.name)
        for field in request.DESCRIPTOR.fields
        if field.message_type is not None and not field.is_repeated and field.message_type.file.package == CONTRACTS
    }
    return {"": request, **resources}


def _record_id(request: Any) -> str:
    """The id of the one record that a request is about; empty if it is about none."""
    for holder in _holders(request).values():
        if "id" in holder.DESCRIPTOR.fields_by_name and not isinstance(holder, RecordReference):
            return str(holder.id)
    return ""


def _service_of_record(request: Any, services: Sequence[str]) -> str | None:
    """The service of the record that a request refers to in a field `record`; None if there is none."""
    for path, holder in _holders(request).items():
        if "record" in holder.DESCRIPTOR.fields_by_name and holder.HasField("record"):
            service = str(holder.record.type).partition(".")[0]
            if service not in services:
                field = f"{path}.record.type".lstrip(".")
                raise InvalidArgument.of(field, "names no service that has such records")
            return service
    return None
