"""Calls of methods, whoever implements them.

A method of a service's own goes to that service. One of `rotunda.kit.v1`, which several implement, goes to

- the one that its id names, `sales-17`; else the one that has a record of that id, found by asking all;
- the one whose record it is about, where its request or resource has a field `record`;
- all at once, and their answers become one: of lists the newest first.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from rotunda_gateway.contracts.merging import MergedList
from rotunda_kit.client import Clients
from rotunda_kit.errors import (
    DeadlineExceeded,
    InvalidArgument,
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
        service = await self._service(method, request, token, timeout)
        if service is not None:
            return await self._clients.call(method, request, token=token, timeout=timeout, service=service)
        return await self._all(method, request, token, timeout)

    async def _service(self, method: MethodDescriptor, request: Any, token: str, timeout: float) -> str | None:  # noqa: ASYNC109
        """The one service that a request is for; None if it is for all."""
        services = implementing(method.containing_service.full_name)
        holders = [request, *(getattr(request, f.name) for f in request.DESCRIPTOR.fields if _is_resource(f))]
        for holder in holders:
            names = holder.DESCRIPTOR.fields_by_name
            if "id" in names and holder.id:
                for service in services:
                    if holder.id.startswith(f"{service}-"):
                        return service
                return await self._having(method, services, holder.id, token, timeout)
        for holder in holders:
            if "record" in holder.DESCRIPTOR.fields_by_name and holder.HasField("record"):
                service = str(holder.record.type).partition(".")[0]
                if service not in services:
                    path = "record.type" if holder is request else f"{_resource_name(request)}.record.type"
                    raise InvalidArgument.of(path, "names no service that has such records")
                return service
        return None

    async def _having(
        self,
        method: MethodDescriptor,
        services: Sequence[str],
        record_id: str,
        token: str,
        timeout: float,  # noqa: ASYNC109
    ) -> str:
        """The service that has a record of this id."""
        noun = method.containing_service.name.removesuffix("Service")
        get = method.containing_service.methods_by_name[f"Get{noun}"]
        request: Message = GetMessageClass(get.input_type)(id=record_id)
        answers = await self._ask(get, services, [request] * len(services), token, timeout)
        errors = []
        for service, answer in zip(services, answers, strict=True):
            if not isinstance(answer, RotundaError):
                return service
            errors.append(answer)
        # Away, rather than forbidden, rather than not there.
        for kind in (Unavailable, DeadlineExceeded, PermissionDenied):
            for error in errors:
                if isinstance(error, kind):
                    raise error
        raise errors[0]

    async def _all(self, method: MethodDescriptor, request: Any, token: str, timeout: float) -> Any:  # noqa: ASYNC109
        services = implementing(method.containing_service.full_name)
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


def _is_resource(field: Any) -> bool:
    message = field.message_type
    return message is not None and not field.is_repeated and message.file.package == CONTRACTS


def _resource_name(request: Any) -> str:
    name: str = next(field.name for field in request.DESCRIPTOR.fields if _is_resource(field))
    return name
