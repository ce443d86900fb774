"""Which message, and which event, belongs to a mapped class: one entry a noun, made by its `Collection`."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from rotunda_kit.model import Resource
from rotunda_kit.resource.mapping import ResourceMapping


@dataclass(frozen=True, slots=True)
class Publication:
    """How a noun is shown and told.

    `event` is its payload `<Noun>Event`, with the resource in a field named as the noun and, where changes have
    particulars, a
    field `detail`; None for a noun that nobody else hears of. `within` is the noun that its records live under, or
    empty.
    """

    mapping: ResourceMapping[Any, Any]
    event: type[Message] | None
    within: str = ""


_publications: dict[type[Resource], Publication] = {}


def publish(publication: Publication) -> None:
    """Register a noun."""
    _publications[publication.mapping.model] = publication


def publication_of(model: type[Resource]) -> Publication:
    """The entry of a mapped class."""
    return _publications[model]


def nouns() -> dict[str, type[Resource]]:
    """Mapped classes by the names of their nouns."""
    return {model.__noun__: model for model in _publications}
