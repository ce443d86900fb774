"""What `/Users` and `/Groups` have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import UTC
from typing import Any, ClassVar, Generic, TypeVar

from scim2_models import Meta, Resource, ResponseParameters
from scim2_models.path import FilterNode

from rotunda.kit.v1 import resource_pb2
from rotunda_gateway.scim.directory import Directory, Fetch
from rotunda_gateway.scim.resources import EXTERNAL_SYSTEM
from rotunda_kit.errors import EtagMismatch

R = TypeVar("R", bound=Resource[Any])
M = TypeVar("M")

Base = str
"""Where SCIM is served, for example `https://crm.example.com/scim/v2`."""


class Endpoint(ABC, Generic[R, M]):
    """The resources of one type; `M` is the platform's own message of them.

    Every method raises what access raises, and what scim2_models says of a wrong payload. An etag may be empty, for
    any.
    """

    resource: ClassVar[type[Resource[Any]]]

    @abstractmethod
    async def get(self, directory: Directory, record_id: str) -> M:
        """One record."""

    @abstractmethod
    def fetch(self, directory: Directory, condition: str, order: str) -> Fetch:
        """The records that a filter (AIP-160) finds, in an order (AIP-132)."""

    @abstractmethod
    async def condition(self, directory: Directory, node: FilterNode) -> str:
        """A filter of SCIM as a filter of the platform (AIP-160)."""

    @abstractmethod
    async def show(
        self, directory: Directory, records: Iterable[M], base: Base, parameters: ResponseParameters[Any]
    ) -> list[R]:
        """As SCIM has them."""

    @abstractmethod
    async def create(self, directory: Directory, payload: Any) -> M:
        """A new record from a payload."""

    @abstractmethod
    async def replace(self, directory: Directory, record_id: str, payload: Any, etag: str) -> M:
        """The record as a payload has it."""

    @abstractmethod
    async def patch(self, directory: Directory, record_id: str, payload: Any, etag: str) -> tuple[M, bool]:
        """The record, changed by the operations of a payload; and whether it is small enough to be sent unasked."""

    @abstractmethod
    async def delete(self, directory: Directory, record_id: str, etag: str) -> None:
        """Delete a record."""


def asks_for(parameters: ResponseParameters[Any], attribute: str) -> bool:
    """Whether an attribute, which is returned by default, is asked for."""
    if parameters.attributes:
        return any(_attribute(path).partition(".")[0] == attribute for path in parameters.attributes)
    return all(_attribute(path) != attribute for path in parameters.excluded_attributes or ())


def _attribute(path: str) -> str:
    return path.rpartition(":")[2].lower()


def untouched(record: Any, etag: str) -> None:
    """Make sure that a record is as the client read it, even where nothing is to be changed.

    Raises:
        EtagMismatch: it is not.
    """
    if etag and etag != record.etag:
        raise EtagMismatch(record.etag)


def version(record: Any) -> str:
    """The etag of a record as SCIM writes it: weak, since other records, too, are shown in it."""
    return f'W/"{record.etag}"'


def meta(record: Any, base: Base, resource_type: str) -> Meta:
    """What SCIM says of every resource."""
    return Meta(
        resource_type=resource_type,
        created=record.create_time.ToDatetime(UTC),
        last_modified=record.update_time.ToDatetime(UTC),
        location=f"{base}/{resource_type}s/{record.id}",
        version=version(record),
    )


def external_id(record: Any) -> str | None:
    """The name that the identity provider has for a record."""
    return next((external.id for external in record.external_ids if external.system == EXTERNAL_SYSTEM), None)


def external_ids(before: Any, given: str | None) -> Iterable[resource_pb2.ExternalId]:
    """All external ids of a record of which the identity provider has given its own."""
    yield from (external for external in before.external_ids if external.system != EXTERNAL_SYSTEM)
    if given:
        yield resource_pb2.ExternalId(system=EXTERNAL_SYSTEM, id=given)
