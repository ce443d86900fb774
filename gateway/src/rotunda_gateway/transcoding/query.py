"""Which fields of a request may come as query parameters, and under which names."""

from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from rotunda_gateway.transcoding.routes import WHOLE_REQUEST, Route
from rotunda_kit.descriptors import is_map, is_wrapper, json_path

# Messages whose JSON is a text.
_TEXTS = {"google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask"}


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """A field that a query parameter fills in.

    `path` is the field's path from the request message in snake_case; `name` is the same in camelCase.
    """

    path: str
    field: FieldDescriptor

    @property
    def name(self) -> str:
        """As callers write it: `updateMask`, `period.startDate`."""
        return json_path(self.path)


def query_parameters(route: Route) -> list[QueryParameter]:
    """What a route takes from its query: all that comes neither in the path nor in the body.

    Messages are reached into with dots (`period.startDate`); lists of messages and maps can't stand in a query.
    """
    if route.body == WHOLE_REQUEST:
        return []
    taken = {route.body, *route.path.variables}
    return [parameter for parameter in _fields(route.request, "", ()) if not _within(parameter.path, taken)]


def _fields(message: Descriptor, prefix: str, outer: tuple[Descriptor, ...]) -> Iterator[QueryParameter]:
    for field in message.fields:
        path = f"{prefix}{field.name}"
        content = field.message_type
        if content is None or content.full_name in _TEXTS or is_wrapper(content):
            yield QueryParameter(path, field)
        elif not field.is_repeated and not is_map(field) and content not in outer:
            yield from _fields(content, f"{path}.", (*outer, message))


def _within(path: str, taken: set[str]) -> bool:
    return path in taken or path.partition(".")[0] in taken
