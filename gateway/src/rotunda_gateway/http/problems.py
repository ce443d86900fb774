"""Errors as callers see them: RFC 9457 problems, made in this one place."""

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Send

from rotunda_gateway.http.boundary import MOST_IN_FLIGHT, RequestBoundary
from rotunda_gateway.http.errors import InvalidJson, MethodNotAllowed, RouteNotFound, TooManyAttempts, TooManyRequests
from rotunda_kit.db.failures import translate
from rotunda_kit.descriptors import json_path
from rotunda_kit.errors import FieldViolation, Internal, InvalidArgument, RotundaError
from rotunda_kit.telemetry.traces import trace_id

MEDIA_TYPE = "application/problem+json"

Headers = Sequence[tuple[bytes, bytes]]

_log = structlog.get_logger(__name__)
# How much of a traceback is logged.
_FRAMES = 8

_ALWAYS = ((b"content-type", MEDIA_TYPE.encode()), (b"cache-control", b"no-store"))
_BY_STATUS: Mapping[int, Headers] = {
    401: ((b"www-authenticate", b"Bearer"),),
    429: ((b"retry-after", b"1"),),
    503: ((b"retry-after", b"1"),),
}
_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem that is ready to be sent: `body` is its JSON, `headers` are all that it needs."""

    status: int
    body: bytes
    headers: Headers


def problem_of(error: RotundaError, field_name: Callable[[str], str] = json_path) -> Problem:
    """The problem that tells a caller of an error.

    Args:
        error: whatever the product raised.
        field_name: turns the path of a wrong field into the caller's name for it; from snake_case to camelCase if not
            given.
    """
    more: dict[str, Any] = {"metadata": error.metadata} if error.metadata else {}
    if error.violations:
        more["errors"] = [
            {"field": field_name(violation.field), "description": violation.description}
            for violation in error.violations
        ]
    return _build(error.http_status, error.code, error.reason, error.detail, more, _headers_of(error))


def _headers_of(error: RotundaError) -> Headers:
    if isinstance(error, MethodNotAllowed):
        return [(b"allow", error.allow.encode())]
    if isinstance(error, TooManyAttempts | TooManyRequests):
        return [(b"retry-after", str(error.retry_after).encode())]
    return ()


def _build(
    status: int, code: str, reason: str, detail: str, more: Mapping[str, Any] | None = None, headers: Headers = ()
) -> Problem:
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "reason": reason,
        **(more or {}),
        "traceId": trace_id(),
    }
    given = {name for name, _ in headers}
    usual = [(name, value) for name, value in _BY_STATUS.get(status, ()) if name not in given]
    return Problem(status, orjson.dumps(content), [*usual, *_ALWAYS, *headers])


async def send_problem(send: Send, problem: Problem, with_body: bool = True) -> None:
    """Send a problem as a raw ASGI response; without its body to a HEAD request."""
    length = (b"content-length", str(len(problem.body)).encode())
    await send({"type": "http.response.start", "status": problem.status, "headers": [*problem.headers, length]})
    await send({"type": "http.response.body", "body": problem.body if with_body else b""})


def install_problems(
    app: FastAPI, retired: Callable[[], bool] = lambda: False, most_in_flight: int = MOST_IN_FLIGHT
) -> None:
    """Let every error of an app's own routes be answered as a problem, and every request have a trace.

    Args:
        app: whose.
        retired: whether the process is about to stop.
        most_in_flight: requests at a time; who comes beyond is told to come later.
    """
    app.add_exception_handler(RotundaError, _answer)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_middleware(RequestBoundary, on_error=_send_unexpected, retired=retired, most_in_flight=most_in_flight)


def known(error: Exception) -> RotundaError:
    """What a caller may see of an error; one that is a bug of ours is logged."""
    found = error if isinstance(error, RotundaError) else translate(error, [])
    if found is not None:
        return found
    # Where it was raised, but not its message, which may hold what a user wrote.
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    where = [f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
    _log.error("request failed", error=type(error).__name__, where=where)
    return Internal()


async def _send_unexpected(error: Exception, send: Send) -> None:
    await send_problem(send, problem_of(known(error)))


def _response(problem: Problem) -> Response:
    headers = {name.decode(): value.decode() for name, value in problem.headers}
    return Response(problem.body, problem.status, headers)


async def _answer(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RotundaError):
        raise error
    return _response(problem_of(error))


async def _answer_http_exception(_request: Request, error: Exception) -> Response:
    """For what Starlette and FastAPI refuse on their own."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == HTTPStatus.NOT_FOUND:
        return _response(problem_of(RouteNotFound()))
    return _response(
        _build(
            error.status_code,
            _CODES.get(error.status_code, "UNKNOWN"),
            HTTPStatus(error.status_code).name,
            str(error.detail),
            headers=[(name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items()],
        )
    )


async def _answer_validation_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return _response(problem_of(_from_validation_error(error.errors(), error.body)))


def _from_validation_error(found: Iterable[Any], body: Any) -> InvalidArgument:
    violations = []
    for entry in found:
        if entry["type"] == "json_invalid":
            return _invalid_json(str(entry.get("ctx", {}).get("error", entry["msg"])), int(entry["loc"][-1]), body)
        violations.append(FieldViolation(_field(entry["loc"]), f"{entry['msg']}."))
    return InvalidArgument(violations)


def _invalid_json(message: str, position: int, body: Any) -> InvalidJson:
    before = body[:position] if isinstance(body, str) else ""
    line = before.count("\n") + 1
    column = len(before) - before.rfind("\n") if before else position + 1
    return InvalidJson(f"The body is not JSON: {message} (line {line}, column {column}).", line, column)


def _field(location: Sequence[str | int]) -> str:
    """The path of a field from where FastAPI found it, for example `("body", "phones", 1, "number")`."""
    path = ""
    for step in location[1:]:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path
