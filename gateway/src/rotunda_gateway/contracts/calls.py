"""Calls of contracts: protos in `rotunda.kit.v1` that several services implement."""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from rotunda.kit.v1.resource_pb2 import RecordReference
from rotunda_gateway.contracts.merge import MergedList, merged
from rotunda_kit.check.formats import is_uuid
from rotunda_kit.client import service_of
from rotunda_kit.descriptors import message_class
from rotunda_kit.errors import (
    DeadlineExceeded,
    FieldViolation,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unavailable,
)

CONTRACTS = "kit"
# Every service, by the name of its proto package.
SERVICES = ("customers", "sales", "service_desk", "marketing", "sync", "access")
# The contracts that not all implement: of access no record can be shared.
_IMPLEMENTED_BY = {
    "CustomFieldService": ("customers", "sales", "service_desk"),
    "ShareService": ("customers", "sales", "service_desk", "marketing", "sync"),
}
# Seconds that a service has to answer, where all are asked: one that hangs must not hold up the others' answers.
ASK_TIMEOUT = 4.0

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SILENT = (Unavailable, DeadlineExceeded, Internal)


class ServiceCall(Protocol):
    """Calls a method of one service, as `rotunda_kit.client.Clients.call` does."""

    async def __call__(
        self,
        method: MethodDescriptor,
        request: Message,
        *,
        token: str,
        timeout: float,  # noqa: ASYNC109 - it travels with the call as its deadline
        service: str | None = None,
    ) -> Any:
        """Answer with the response message; raises RotundaError."""


class Contracts:
    """Calls any method: of one service as it is, of a contract by its request.

    A request with an `id` goes to the service that the id begins with (`sales-17`), or to the one that has it. One with
    a `record` goes to the service of that record, one with `ids` to those that they begin with, any other to all at
    the same time; the answers become one, and `unreachable` names who did not answer. Lists are merged page by page.

    Args:
        call: reaches one service.
        lists: how the lists of contracts are ordered, by the full names of their methods.
        services: that implement the contracts.
    """

    def __init__(self, call: ServiceCall, lists: Mapping[str, MergedList], services: Sequence[str] = SERVICES) -> None:
        self._call = call
        self._lists = lists
        self._services = services

    async def call(self, method: MethodDescriptor, request: Any, *, token: str, timeout: float) -> Any:  # noqa: ASYNC109 - it travels with the call as its deadline
        """Answer with the response message.

        Raises:
            RotundaError: as a service raised it; NotFound for an id that names no service, Unavailable where none of
                those that were asked answers.
        """
        if service_of(method) != CONTRACTS:
            return await self._call(method, request, token=token, timeout=timeout)
        services = [service for service in self._services if implements(service, method)]
        record_id = _record_id(request)
        service = self._named(record_id) if record_id else _service_of_record(request, services)
        if service is not None:
            return await self._call(method, request, token=token, timeout=timeout, service=service)
        if record_id:
            if not is_uuid(record_id):
                raise _not_found(method)
            return await self._having(method, request, services, token, timeout)
        return await self._all(method, request, services, token, timeout)

    async def _all(
        self,
        method: MethodDescriptor,
        request: Any,
        services: Sequence[str],
        token: str,
        timeout: float,  # noqa: ASYNC109 - it travels with the call as its deadline
    ) -> Any:
        """One answer of all services that a request is for."""
        merge = self._lists.get(method.full_name)
        page = merge.page(request) if merge else None
        services = self._asked(request, services)
        asked = await self._ask(method, request, services, token, timeout)
        answers = [answer for answer in asked if not isinstance(answer, BaseException)]
        for answer in asked:
            # Who may see what one service has, but not what another has, sees the one's.
            if isinstance(answer, BaseException) and not isinstance(answer, (PermissionDenied, *_SILENT)):
                raise answer
            if isinstance(answer, PermissionDenied) and not answers:
                raise answer
        unreachable = [service for service, answer in zip(services, asked, strict=True) if isinstance(answer, _SILENT)]
        if services and not answers:
            raise Unavailable("SERVICE_UNAVAILABLE", "No service answers. Try again later.")
        result: Any = message_class(method.output_type)()
        if page is not None:
            return merged(page, answers, unreachable, result)
        for answer in answers:
            result.MergeFrom(answer)
        result.unreachable.extend(unreachable)
        return result

    async def _ask(
        self,
        method: MethodDescriptor,
        request: Message,
        services: Sequence[str],
        token: str,
        timeout: float,  # noqa: ASYNC109 - it travels with the call as its deadline
    ) -> list[Any]:
        """The answers of services, or what they raised."""
        return await asyncio.gather(
            *(
                self._call(method, request, token=token, timeout=min(timeout, ASK_TIMEOUT), service=service)
                for service in services
            ),
            return_exceptions=True,
        )

    async def _having(
        self,
        method: MethodDescriptor,
        request: Message,
        services: Sequence[str],
        token: str,
        timeout: float,  # noqa: ASYNC109 - it travels with the call as its deadline
    ) -> Any:
        """The answer of the service that has a record, whichever it is: no two have the same id.

        A write is sent to all, too: the others refuse it, for there is no such record, and where it was done before,
        the one that did it has kept its answer.
        """
        asked = await self._ask(method, request, services, token, timeout)
        for answer in asked:
            if not isinstance(answer, BaseException):
                return answer
        raise max(asked, key=_weight)

    def _named(self, record_id: str) -> str | None:
        service, _, rest = record_id.partition("-")
        return service if rest and service in self._services else None

    def _asked(self, request: Any, services: Sequence[str]) -> list[str]:
        """Those whose records a request names; all, if it names none."""
        ids: Iterable[str] = request.ids if "ids" in request.DESCRIPTOR.fields_by_name else ()
        named = [self._named(record_id) for record_id in ids]
        wrong = [FieldViolation(f"ids[{at}]", "begins with no service") for at, one in enumerate(named) if one is None]
        if wrong:
            raise InvalidArgument(wrong)
        return [service for service in services if not named or service in named]


def implements(service: str, method: MethodDescriptor) -> bool:
    """Whether a service has a contract's method."""
    return service in _IMPLEMENTED_BY.get(method.containing_service.name, SERVICES)


def _weight(error: BaseException) -> int:
    """Which of the errors of several services says the most: a refusal, then being away, then having no such record."""
    if isinstance(error, NotFound):
        return 0
    if isinstance(error, PermissionDenied):
        return 1
    return 2 if isinstance(error, _SILENT) else 3


def _holders(request: Any) -> dict[str, Any]:
    """A request and the resource in it, by their paths."""
    resources = {
        field.name: getattr(request, field.name)
        for field in request.DESCRIPTOR.fields
        if field.message_type is not None
        and not field.is_repeated
        and field.message_type.full_name.startswith("rotunda.kit.v1.")
    }
    return {"": request, **resources}


def _record_id(request: Any) -> str:
    """The id of the one record that a request is about; empty if it is about none."""
    for holder in _holders(request).values():
        if "id" in holder.DESCRIPTOR.fields_by_name and not isinstance(holder, RecordReference):
            return str(holder.id)
    return ""


def _service_of_record(request: Any, services: Sequence[str]) -> str | None:
    """The service that a request names by a record, or by a noun in a field `record_type`; None if it names none."""
    for path, holder in _holders(request).items():
        if getattr(holder, "record_type", ""):
            service = str(holder.record_type).partition(".")[0]
            if service not in services:
                raise InvalidArgument.of(f"{path}.record_type".lstrip("."), "names no service that has such records")
            return service
        if "record" in holder.DESCRIPTOR.fields_by_name and holder.HasField("record"):
            service = str(holder.record.type).partition(".")[0]
            if service not in services:
                field = f"{path}.record.type".lstrip(".")
                raise InvalidArgument.of(field, "names no service that has such records")
            return service
    return None


def _not_found(method: MethodDescriptor) -> NotFound:
    words = _WORD.sub(" ", method.containing_service.name.removesuffix("Service")).lower()
    return NotFound(f"{words.upper().replace(' ', '_')}_NOT_FOUND", f"There is no such {words}.")
