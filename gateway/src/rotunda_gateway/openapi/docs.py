"""`/openapi.json`, and `/docs` which shows it; nothing is loaded from elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.resources import files

from fastapi import FastAPI, Request, Response
from starlette.staticfiles import StaticFiles

from rotunda.kit.v1.custom_field_service_pb2 import CustomField
from rotunda_gateway.openapi.custom_fields import with_custom_fields
from rotunda_gateway.openapi.document import render_document
from rotunda_gateway.transcoding.routes import Route

_PAGE_POLICY = (
    # Swagger UI draws its icons from data: addresses, and styles some elements in place.
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

ReadCustomFields = Callable[[Mapping[str, str]], Awaitable[Sequence[CustomField]]]


class _Document:
    """The OpenAPI document as bytes, made when first asked for."""

    def __init__(self, app: FastAPI, routes: Sequence[Route]) -> None:
        self._app = app
        self._routes = routes
        self._lock = asyncio.Lock()
        self._content: bytes | None = None

    async def content(self) -> bytes:
        async with self._lock:
            if self._content is None:
                self._content = await asyncio.to_thread(render_document, self._app, self._routes)
            return self._content


def install_docs(app: FastAPI, routes: Sequence[Route], custom_fields: ReadCustomFields) -> None:
    """Serve the OpenAPI document and its page.

    Args:
        app: made with `openapi_url`, `docs_url` and `redoc_url` None.
        routes: what the protos declare.
        custom_fields: those that whoever sends a request with credentials is told of.
    """
    document = _Document(app, routes)
    static = files("rotunda_gateway.openapi") / "static"
    page = (static / "docs.html").read_bytes()
    initializer = (static / "initializer.js").read_bytes()

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        content = await document.content()
        if "authorization" in request.headers:
            content = with_custom_fields(content, await custom_fields(request.headers))
        headers = {"cache-control": "no-cache", "vary": "authorization"}
        return Response(content, media_type="application/json", headers=headers)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return Response(
            page,
            media_type="text/html; charset=utf-8",
            headers={"content-security-policy": _PAGE_POLICY, "x-content-type-options": "nosniff"},
        )

    @app.get("/docs/initializer.js", include_in_schema=False)
    async def docs_initializer() -> Response:
        return Response(initializer, media_type="text/javascript; charset=utf-8")

    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_offline", "static")]))
