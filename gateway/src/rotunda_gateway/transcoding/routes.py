"""The HTTP routes that the protos declare by `google.api.http`."""

import importlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import cast

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

import rotunda
from rotunda_kit.descriptors import is_message, json_path

WHOLE_REQUEST = "*"
"""The `body` of a route whose body is the request message itself."""

_VARIABLE = re.compile(r"\{([a-z0-9_]+(?:\.[a-z0-9_]+)*)\}")
_LITERAL = re.compile(r"[A-Za-z0-9._~-]+")
_VERB = re.compile(r":([A-Za-z]+)$")


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """The path of a route, for example `/v1/accounts/{account.id}:merge`.

    `segments` holds literals as they are and None for a variable; `variables` are the field paths that the variables
    fill in, in their order; `verb` is empty where there is none.
    """

    segments: tuple[str | None, ...]
    variables: tuple[str, ...]
    verb: str

    @classmethod
    def parse(cls, text: str) -> "PathTemplate":
        """Read a path as `google.api.http` writes it.

        Raises:
            ValueError: it has a form that the gateway does not serve, such as `{name=shelves/*}`.
        """
        verb = _VERB.search(text)
        path = text[: verb.start()] if verb else text
        if not path.startswith("/"):
            raise ValueError(f"{text}: a path begins with a slash")
        segments: list[str | None] = []
        variables = []
        for segment in path[1:].split("/"):
            variable = _VARIABLE.fullmatch(segment)
            if variable:
                segments.append(None)
                variables.append(variable[1])
            elif _LITERAL.fullmatch(segment):
                segments.append(segment)
            else:
                raise ValueError(f"{text}: a segment is a plain word or {{one.field}}, not {segment!r}")
        return cls(tuple(segments), tuple(variables), verb[1] if verb else "")

    def parameters(self) -> tuple[str, ...]:
        """The variables' names for callers: `{account.id}` is `id`, `{member.campaign_id}` is `campaignId`."""
        return tuple(json_path(variable.rpartition(".")[2]) for variable in self.variables)

    def fill(self, values: Iterable[str]) -> str:
        """The path with these texts in place of the variables."""
        remaining = iter(values)
        path = "/".join(next(remaining) if segment is None else segment for segment in self.segments)
        return f"/{path}:{self.verb}" if self.verb else f"/{path}"


@dataclass(frozen=True, eq=False)
class Route:
    """One HTTP method and path, and the gRPC method behind it.

    `body` is empty where there is no body, `*` where the body is the request message, else the request's field that it
    fills in. `response_body` is empty where the whole response is the answer, else the field of it that is.
    """

    method: MethodDescriptor
    http_method: str
    path: PathTemplate
    body: str
    response_body: str

    @cached_property
    def pattern(self) -> str:
        """The path with the callers' names of its variables, for example `/v1/accounts/{id}:merge`."""
        return self.path.fill(f"{{{name}}}" for name in self.path.parameters())

    @property
    def request(self) -> Descriptor:
        """The request message."""
        return self.method.input_type

    @cached_property
    def content(self) -> Descriptor:
        """The message that the body fills in: the request, or a field of it. Without a body, the request."""
        return self.request if self.body in ("", WHOLE_REQUEST) else _message_of(self.request, self.body)

    @cached_property
    def answer(self) -> Descriptor:
        """The message that the HTTP response shows."""
        response = self.method.output_type
        return _message_of(response, self.response_body) if self.response_body else response

    @cached_property
    def mask_path(self) -> str:
        """The request's field that names what a PATCH changes; empty where there is none."""
        field = self.request.fields_by_name.get("update_mask") if self.http_method == "PATCH" else None
        is_mask = field and field.message_type and field.message_type.full_name == "google.protobuf.FieldMask"
        return "update_mask" if is_mask else ""

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self.http_method != "GET"

    @cached_property
    def request_id_path(self) -> str:
        """The request's field that the header `Idempotency-Key` fills in; empty where there is none."""
        return "request_id" if self.writes and "request_id" in self.request.fields_by_name else ""

    @cached_property
    def etag_path(self) -> str:
        """The request's field, or its resource's, that the header `If-Match` fills in; empty where there is none.

        A create has nothing to match yet.
        """
        if not self.writes or self.creates:
            return ""
        if "etag" in self.request.fields_by_name:
            return "etag"
        return f"{self.body}.etag" if "etag" in self.content.fields_by_name else ""

    @property
    def creates(self) -> bool:
        """Whether it is a standard Create (AIP-133), which answers 201."""
        return self.http_method == "POST" and not self.path.verb and self.method.name.startswith("Create")


def generated_modules() -> Iterator[ModuleType]:
    """All modules that protoc made of the protos.

    `pkgutil` passes over folders without `__init__.py`, which is what protoc makes, hence the look at the files.
    """
    for folder in dict.fromkeys(rotunda.__path__):
        root = Path(folder)
        for file in sorted(root.rglob("*_pb2.py")):
            yield importlib.import_module(".".join((rotunda.__name__, *file.relative_to(root).with_suffix("").parts)))


def declared_methods() -> Iterator[MethodDescriptor]:
    """All methods of all services in the protos."""
    for module in generated_modules():
        for service in module.DESCRIPTOR.services_by_name.values():
            yield from service.methods


def routes_of(methods: Iterable[MethodDescriptor]) -> list[Route]:
    """The routes that these methods declare, with their additional bindings.

    Raises:
        ValueError: an annotation names a field that is not there or has a form that the gateway does not serve.
    """
    routes = []
    for method in methods:
        options = method.GetOptions()
        if options.HasExtension(annotations_pb2.http):
            rule = options.Extensions[annotations_pb2.http]
            routes += [_route(method, binding) for binding in (rule, *rule.additional_bindings)]
    return routes


def discover_routes() -> list[Route]:
    """Every route that the protos declare."""
    return routes_of(declared_methods())


def field_at(message: Descriptor, path: str) -> FieldDescriptor:
    """The field at a dotted path.

    Raises:
        KeyError: there is none.
    """
    *outer, last = path.split(".")
    for name in outer:
        field = message.fields_by_name[name]
        if not is_message(field):
            raise KeyError(name)
        message = cast("Descriptor", field.message_type)
    return message.fields_by_name[last]


def _route(method: MethodDescriptor, rule: HttpRule) -> Route:
    pattern = rule.WhichOneof("pattern")
    if pattern is None or pattern == "custom":
        raise ValueError(f"{method.full_name}: google.api.http names no plain HTTP method")
    try:
        path = PathTemplate.parse(getattr(rule, pattern))
    except ValueError as error:
        raise ValueError(f"{method.full_name}: {error}") from error
    for variable in path.variables:
        _check_variable(method, variable)
    if rule.body and pattern in ("get", "delete"):
        raise ValueError(f"{method.full_name}: {pattern} takes no body")
    if rule.body not in ("", WHOLE_REQUEST):
        _check_message_field(method, method.input_type, rule.body)
    if rule.response_body:
        _check_message_field(method, method.output_type, rule.response_body)
    return Route(method, pattern.upper(), path, rule.body, rule.response_body)


def _check_variable(method: MethodDescriptor, variable: str) -> None:
    try:
        field = field_at(method.input_type, variable)
    except KeyError:
        raise ValueError(f"{method.full_name}: {{{variable}}} is no field of the request") from None
    if field.is_repeated or field.message_type is not None:
        raise ValueError(f"{method.full_name}: {{{variable}}} is no single value")


def _message_of(message: Descriptor, field: str) -> Descriptor:
    """The type of a field that holds a message, as _route() made sure."""
    return cast("Descriptor", message.fields_by_name[field].message_type)


def _check_message_field(method: MethodDescriptor, message: Descriptor, name: str) -> None:
    field = message.fields_by_name.get(name)
    if field is None or not is_message(field):
        raise ValueError(f"{method.full_name}: {name} is no field of {message.name} that holds one message")
