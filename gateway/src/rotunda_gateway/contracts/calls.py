"""Calls of contracts: protos in `rotunda.kit.v1` that several services implement."""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from rotunda_gateway.contracts.merge import MergedList, merged
from rotunda_kit.client import service_of
from rotunda_kit.descriptors import message_class
from rotunda_kit.errors import DeadlineExceeded, FieldViolation, Internal, InvalidArgument, NotFound, Unavailable

CONTRACTS = "kit"
# Every service, by the name of its proto package.
SERVICES = ("customers", "sales", "service_desk", "marketing", "sync", "access")
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

    A request with an `id` goes to the service that the id begins with (`sales-17`). One with `ids` goes to those that
    they begin with, any other to all at the same time; the answers become one, and `unreachable` names who did not
    answer. Lists are merged page by page.

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
        if "id" in request.DESCRIPTOR.fields_by_name:
            service = self._named(request.id)
            if service is None:
                raise _not_found(method)
            return await self._call(method, request, token=token, timeout=timeout, service=service)
        merge = self._lists.get(method.full_name)
        page = merge.page(request) if merge else None
        services = self._asked(request)
        asked = await asyncio.gather(
            *(
                self._call(method, request, token=token, timeout=min(timeout, ASK_TIMEOUT), service=service)
                for service in services
            ),
            return_exceptions=True,
        )
        answers = [answer for answer in asked if not isinstance(answer, BaseException)]
        for answer in asked:
            if isinstance(answer, BaseException) and not isinstance(answer, _SILENT):
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

    def _named(self, record_id: str) -> str | None:
        service, _, rest = record_id.partition("-")
        return service if rest and service in self._services else None

    def _asked(self, request: Any) -> list[str]:
        """Those whose records a request names; all, if it names none."""
        ids: Iterable[str] = request.ids if "ids" in request.DESCRIPTOR.fields_by_name else ()
        named = [self._named(record_id) for record_id in ids]
        wrong = [FieldViolation(f"ids[{at}]", "begins with no service") for at, one in enumerate(named) if one is None]
        if wrong:
            raise InvalidArgument(wrong)
        return [service for service in self._services if not named or service in named]


def _not_found(method: MethodDescriptor) -> NotFound:
    words = _WORD.sub(" ", method.containing_service.name.removesuffix("Service")).lower()
    return NotFound(f"{words.upper().replace(' ', '_')}_NOT_FOUND", f"There is no such {words}.")
