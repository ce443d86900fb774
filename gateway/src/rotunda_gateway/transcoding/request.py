"""From an HTTP request to the request message of a gRPC method, or to everything that is wrong with it."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import orjson
from google.protobuf.message import Message
from uuid_utils import uuid7

from rotunda_gateway.http.errors import InvalidJson
from rotunda_gateway.transcoding.headers import IDEMPOTENCY_KEY, IF_MATCH, expected_etag, idempotency_key
from rotunda_gateway.transcoding.query import query_parameters
from rotunda_gateway.transcoding.routes import WHOLE_REQUEST, Route
from rotunda_gateway.transcoding.target import Target
from rotunda_kit.check import check_and_normalise
from rotunda_kit.descriptors import json_path, message_class
from rotunda_kit.errors import FieldViolation, InvalidArgument, RotundaError
from rotunda_kit.json import decoder
from rotunda_kit.violations import Unfit, Violations, shown, suggestion

MAX_QUERY_PARAMETERS = 500
# The service answers for each item of a batch by itself.
_ITEMS = frozenset({"requests"})


class RequestReader:
    """Reads HTTP requests of one route."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._new = message_class(route.request)
        self._decode = decoder(message_class(route.content)) if route.body else None
        self._prefix = "" if route.body in ("", WHOLE_REQUEST) else route.body
        self._variables = [Target(route.request, path) for path in route.path.variables]
        self._parameters: dict[str, Target] = {}
        for parameter in query_parameters(route):
            target = Target(route.request, parameter.path)
            self._parameters[parameter.name] = self._parameters[parameter.path] = target
        self._request_id = Target(route.request, route.request_id_path) if route.request_id_path else None
        self._etag = Target(route.request, route.etag_path) if route.etag_path else None

    def read(self, variables: list[str], query: bytes, headers: Mapping[str, str], body: bytes) -> Message:
        """The request message.

        Args:
            variables: the texts of the path variables.
            query: what follows the question mark, still encoded.
            headers: by their names in lower case.
            body: JSON; empty counts as an empty object.

        Raises:
            InvalidArgument: something is wrong. Names every wrong field at once, as the caller calls them.
        """
        request = self._new()
        found = Violations()
        present = self._read_body(request, body, found)
        self._read_variables(request, variables, found)
        if query:
            self._read_query(request, query, found)
        if self._route.mask_path:
            self._complete_mask(request, present)
        if self._request_id:
            self._read_idempotency_key(request, self._request_id, headers.get("idempotency-key"), found)
        if "if-match" in headers and self._route.writes:
            self._read_if_match(request, headers["if-match"], found)
        self._check(request, found)
        if found:
            raise InvalidArgument(found)
        return request

    def field_name(self, path: str) -> str:
        """A caller's name for a field of the request message: its path in the body, or the name of a parameter."""
        if self._prefix and (path == self._prefix or path.startswith(f"{self._prefix}.")):
            path = path[len(self._prefix) + 1 :]
        return json_path(path)

    def name_for_caller(self, error: RotundaError) -> None:
        """Name the fields of a service's error as the caller calls them."""
        if error.violations:
            named = [FieldViolation(self.field_name(found.field), found.description) for found in error.violations]
            if error.detail == InvalidArgument(error.violations).detail:
                error.detail = InvalidArgument(named).detail
            error.violations = named

    def _read_body(self, request: Message, body: bytes, found: Violations) -> tuple[str, ...]:
        """Fill in what the body holds; answers with the fields whose keys stand in it."""
        if self._decode is None:
            if body:
                raise InvalidArgument([], "BODY_NOT_ALLOWED", f"A {self._route.http_method} request takes no body.")
            return ()
        content = getattr(request, self._prefix) if self._prefix else request
        if self._prefix:
            content.SetInParent()
        parsed = _parse(body)
        if not isinstance(parsed, dict):
            raise InvalidArgument([], "INVALID_JSON", "The body must be a JSON object.")
        decoded = self._decode(parsed, content)
        for violation in decoded.violations:
            found.add(json_path(violation.field), violation.description)
        return decoded.present

    def _read_variables(self, request: Message, texts: list[str], found: Violations) -> None:
        for target, text in zip(self._variables, texts, strict=True):
            try:
                value = target.read(text)
            except Unfit as problem:
                found.add(self.field_name(target.path), str(problem))
                continue
            given = target.given(request)
            if given is not None and given != value:
                found.add(self.field_name(target.path), "differs from the one in the path")
            target.put(request, value)

    def _read_query(self, request: Message, query: bytes, found: Violations) -> None:
        seen: set[str] = set()
        for name, text in _parse_query(query):
            target = self._parameters.get(name)
            if target is None:
                found.add(shown(name), self._why_unknown(name))
            elif target.path in seen and not target.field.is_repeated:
                found.add(name, "is given more than once")
            else:
                seen.add(target.path)
                try:
                    target.put(request, target.read(text))
                except Unfit as problem:
                    found.add(json_path(target.path), str(problem))

    def _why_unknown(self, name: str) -> str:
        called = json_path(name)
        if called in self._route.path.parameters():
            return "stands in the path already"
        if self._route.body == WHOLE_REQUEST or called.partition(".")[0] == json_path(self._route.body):
            return "is no query parameter; this method takes its input from the body"
        return f"is no query parameter here{suggestion(json_path(name), map(json_path, self._parameters))}"

    def _complete_mask(self, request: Message, present: tuple[str, ...]) -> None:
        """Without a mask, a PATCH changes what its body names (RFC 7396, AIP-134)."""
        mask = getattr(request, self._route.mask_path)
        if not mask.paths:
            mask.SetInParent()
            # The etag guards the change and is no part of it.
            mask.paths.extend(name for name in present if name != "etag")

    def _read_idempotency_key(self, request: Message, target: Target, header: str | None, found: Violations) -> None:
        """Every write has a request id, so that the gateway itself may repeat the call."""
        given = target.given(request)
        if header is None:
            if given is None:
                target.put(request, str(uuid7()))
            return
        try:
            key = idempotency_key(header)
        except Unfit as problem:
            found.add(IDEMPOTENCY_KEY, str(problem))
            return
        if given is not None and given != key:
            found.add(IDEMPOTENCY_KEY, "differs from requestId")
        target.put(request, key)

    def _read_if_match(self, request: Message, header: str, found: Violations) -> None:
        if self._etag is None:
            # To pass over it would let the caller believe that it guards something.
            found.add(IF_MATCH, "is not supported by this method")
            return
        try:
            etag = expected_etag(header)
        except Unfit as problem:
            found.add(IF_MATCH, str(problem))
            return
        given = self._etag.given(request)
        if etag and given is not None and given != etag:
            found.add(IF_MATCH, "differs from etag")
        elif etag:
            self._etag.put(request, etag)

    def _check(self, request: Message, found: Violations) -> None:
        """Add what the rules of the fields say, but for fields, or parts of them, of which something is said."""
        said = {violation.field for violation in found}
        if IDEMPOTENCY_KEY in said:
            said.add("requestId")
        parts = tuple(f"{field}{separator}" for field in said if field for separator in (".", "["))
        for violation in check_and_normalise(request, skip=_ITEMS):
            name = self.field_name(violation.field)
            if name not in said and not name.startswith(parts):
                found.add(name, violation.description)


def _parse(body: bytes) -> object:
    if not body:
        return {}
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidJson(
            f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).", error.lineno, error.colno
        ) from None


def _parse_query(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_PARAMETERS)
    except UnicodeDecodeError:
        raise InvalidArgument([], "INVALID_QUERY", "The query is not UTF-8.") from None
    except ValueError:
        detail = f"The query has more than {MAX_QUERY_PARAMETERS} parameters."
        raise InvalidArgument([], "INVALID_QUERY", detail) from None
