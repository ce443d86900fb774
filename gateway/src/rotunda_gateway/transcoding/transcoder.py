"""The ASGI app that serves every method of the protos as REST."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from fastapi import FastAPI
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from rotunda_gateway.http.body import DEFAULT_LIMIT, ClientDisconnected, read_body
from rotunda_gateway.http.boundary import ROUTE
from rotunda_gateway.http.errors import MethodNotAllowed, RouteNotFound
from rotunda_gateway.http.problems import problem_of, send_problem
from rotunda_gateway.transcoding.headers import check_content, has_body
from rotunda_gateway.transcoding.request import RequestReader
from rotunda_gateway.transcoding.response import Answer, ResponseWriter, route_to
from rotunda_gateway.transcoding.router import Router
from rotunda_gateway.transcoding.routes import Route
from rotunda_kit.errors import InvalidArgument, RotundaError

DEFAULT_DEADLINE = 10.0
"""Seconds that a service has to answer."""

Headers = Mapping[str, str]
"""Of a request, by their names in lower case."""

Authenticate = Callable[[Headers], Awaitable[str]]
"""Who sends a request with these headers, as the internal token that says so to services. Raises Unauthenticated."""


class Call(Protocol):
    """Calls a gRPC method, as `rotunda_kit.client.Clients.call` does."""

    async def __call__(self, method: MethodDescriptor, request: Message, *, token: str, timeout: float) -> Any:  # noqa: ASYNC109 - it travels with the call as its deadline
        """Answer with the response message; raises RotundaError."""


class _Endpoint:
    """What serves one route; made ready when first asked for, since most processes never need most routes."""

    def __init__(self, route: Route, location: Route | None) -> None:
        self.route = route
        self._location = location

    @cached_property
    def reader(self) -> RequestReader:
        return RequestReader(self.route)

    @cached_property
    def writer(self) -> ResponseWriter:
        return ResponseWriter(self.route, self._location)


class Transcoder:
    """A raw ASGI app: JSON over HTTP in, gRPC out, and back.

    It expects to run inside of a `RequestBoundary`, which begins the trace and answers for unexpected errors.
    """

    def __init__(
        self,
        call: Call,
        authenticate: Authenticate,
        routes: Sequence[Route],
        body_limit: int = DEFAULT_LIMIT,
        deadline: float = DEFAULT_DEADLINE,
    ) -> None:
        """Make ready.

        Args:
            call: reaches the services.
            authenticate: knows the callers.
            routes: what to serve.
            body_limit: most bytes of a request body.
            deadline: seconds that a service has to answer.

        Raises:
            ValueError: two routes are the same.
        """
        self._call = call
        self._authenticate = authenticate
        self._router = Router(routes)
        self._endpoints = {route: _Endpoint(route, route_to(route, routes)) for route in routes}
        self._body_limit = body_limit
        self._deadline = deadline

    def serves(self, scope: Scope) -> bool:
        """Whether a request is for one of its routes."""
        if scope["type"] != "http":
            return False
        method = scope["method"]
        try:
            return self._router.find("GET" if method == "HEAD" else method, _raw_path(scope)) is not None
        except UnicodeDecodeError:
            return False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        method = scope["method"]
        try:
            answer = await self._answer(method, scope, receive)
        except RotundaError as error:
            await send_problem(send, problem_of(error, str), with_body=method != "HEAD")
            return
        except ClientDisconnected:
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})

    async def _answer(self, method: str, scope: Scope, receive: Receive) -> Answer:
        path = _raw_path(scope)
        try:
            match = self._router.find("GET" if method == "HEAD" else method, path)
            if match is None:
                return self._answer_without_route(method, path)
        except UnicodeDecodeError:
            raise InvalidArgument([], "INVALID_PATH", "The path is not UTF-8.") from None
        route, variables = match
        scope[ROUTE] = route.pattern
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        token = await self._authenticate(headers)
        body = b""
        if has_body(headers):
            body = await read_body(receive, headers.get("content-length"), self._body_limit)
            if body and route.body:
                check_content(headers)
        endpoint = self._endpoints[route]
        request = endpoint.reader.read(variables, scope["query_string"], headers, body)
        try:
            response = await self._call(route.method, request, token=token, timeout=self._deadline)
        except RotundaError as error:
            endpoint.reader.name_for_caller(error)
            raise
        return endpoint.writer.write(response)

    def _answer_without_route(self, method: str, path: bytes) -> Answer:
        allowed = self._router.allowed(path)
        if not allowed:
            raise RouteNotFound
        allowed.add("OPTIONS")
        if "GET" in allowed:
            allowed.add("HEAD")
        refusal = MethodNotAllowed(allowed)
        if method != "OPTIONS":
            raise refusal
        return Answer(204, [(b"allow", refusal.allow.encode()), (b"cache-control", b"no-store")], b"")


class _Ahead:
    """Serves the transcoder's routes before the app looks through its own one by one, which takes ten times as long."""

    def __init__(self, app: ASGIApp, transcoder: Transcoder) -> None:
        self._app = app
        self._transcoder = transcoder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await (self._transcoder if self._transcoder.serves(scope) else self._app)(scope, receive, send)


def install_transcoder(app: FastAPI, transcoder: Transcoder) -> None:
    """Let all that is not an app's own route be served by the transcoder."""
    app.router.redirect_slashes = False
    app.router.default = transcoder
    # The innermost: inside of the boundary that begins traces.
    app.user_middleware.append(Middleware(_Ahead, transcoder))


def _raw_path(scope: Scope) -> bytes:
    """The path as it was sent, without the prefix under which a proxy has put the gateway."""
    path: bytes = scope["raw_path"]
    root = scope.get("root_path", "")
    return path.removeprefix(root.encode()) if root else path
