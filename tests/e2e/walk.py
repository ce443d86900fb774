"""What the checks of all methods share."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest
from google.protobuf.descriptor import FieldDescriptor

from rotunda_kit.descriptors import behaviours, json_path, message_type_of, rules

from .nouns import new_uuid
from .records import Fields, Records
from .reflection import Catalogue, Kind, Method, built, input_fields
from .rest import Rest


def each(*kinds: Kind, where: Callable[[Method], object] = lambda _: True) -> pytest.MarkDecorator:
    """Once for every method of these kinds."""
    names = [method.name for method in built().methods.values() if method.kind in kinds and where(method)]
    return pytest.mark.parametrize("method", names, indirect=True)


def path_of(method: Method, record: Fields) -> dict[str, str]:
    """The variables of a method's path for a record."""
    return {variable: record[json_path(variable)] for variable in method.variables}


def stranger(method: Method, records: Records) -> dict[str, str]:
    """The variables of a method's path for a record that does not exist, under a parent that does."""
    return {variable: new_uuid() for variable in method.variables} | records.parent(method.noun)


def newest(method: Method, rest: Rest, catalogue: Catalogue, records: Records) -> list[str]:
    """The ids of a noun's latest records."""
    listing = catalogue.of(method.noun, Kind.LIST)
    page = rest.ok(listing, records.parent(method.noun), query={"orderBy": "id desc", "pageSize": 20})
    return [record["id"] for record in records_in(page)]


def records_in(page: Fields) -> list[Fields]:
    """The records of a page, whatever their field is called."""
    (rows,) = [value for value in page.values() if isinstance(value, list)]
    return list(rows)


def kept(sent: Any, shown: Any) -> bool:
    """Whether an answer shows what was sent; it may show more."""
    if isinstance(sent, dict):
        return isinstance(shown, dict) and all(kept(value, shown.get(name)) for name, value in sent.items())
    if isinstance(sent, list):
        return isinstance(shown, list) and len(sent) == len(shown) and all(map(kept, sent, shown))
    return bool(sent == shown)


def at_once(count: int, send: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """Send the same request several times at the same moment."""
    barrier = Barrier(count)

    def wait_and_send() -> httpx.Response:
        barrier.wait(timeout=30)
        return send()

    with ThreadPoolExecutor(count) as threads:
        return [future.result() for future in [threads.submit(wait_and_send) for _ in range(count)]]


def is_text(field: FieldDescriptor) -> bool:
    """Whether its values are texts."""
    return bool(field.cpp_type == FieldDescriptor.CPPTYPE_STRING)


def immutable(method: Method) -> list[FieldDescriptor]:
    """The fields of a noun that are set once."""
    return [field for field in input_fields(method.resource) if "IMMUTABLE" in behaviours(field)]


def references(method: Method) -> list[FieldDescriptor]:
    """The fields of a noun that name other records."""
    return [field for field in input_fields(method.resource) if rules(field).refers_to]


def wrong_enums(method: Method, wrong: Any) -> Iterator[tuple[str, Any]]:
    """For every enum of a noun, in itself or in a message: the field to send, and what with."""
    for field in input_fields(method.resource):
        if field.enum_type is not None:
            yield field.json_name, [wrong] if field.is_repeated else wrong
        elif field.message_type is not None:
            for inner in message_type_of(field).fields:
                if inner.enum_type is not None:
                    value = {inner.json_name: wrong}
                    yield field.json_name, [value] if field.is_repeated else value
