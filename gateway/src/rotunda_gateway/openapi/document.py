"""The one OpenAPI 3.1 document: what the protos declare, and the gateway's hand-written routes."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from fastapi import FastAPI

from rotunda_gateway.openapi.comments import read_comments
from rotunda_gateway.openapi.components import SECURITY, shared_components
from rotunda_gateway.openapi.operations import Operations
from rotunda_gateway.openapi.schemas import Schemas
from rotunda_gateway.transcoding.routes import Route

Document = dict[str, Any]

# What FastAPI declares for wrong input; the gateway answers with a problem instead.
_FASTAPI_ERRORS = ("HTTPValidationError", "ValidationError")


def build_document(app: FastAPI, routes: Sequence[Route]) -> Document:
    """The document of an app's own routes and of these.

    Args:
        app: gives title, version and description too. Its routes that need no token say so by
            `openapi_extra={"security": []}`.
        routes: what the protos declare.
    """
    own = app.openapi()
    app.openapi_schema = None  # It would only stay in memory.
    components = _merge_components(shared_components(), own.get("components", {}))
    comments = read_comments()
    schemas = Schemas(comments, (route.request for route in routes), taken=components["schemas"])
    operations = Operations(schemas, comments)
    operations.add_all(routes)
    paths: dict[str, dict[str, Any]] = {path: dict(item) for path, item in operations.paths.items()}
    for path, item in own.get("paths", {}).items():
        paths.setdefault(path, {}).update({method: _with_problems(operation) for method, operation in item.items()})
    components["schemas"].update(schemas.components)
    return {
        "openapi": "3.1.0",
        "info": own["info"],
        "servers": [{"url": "/"}],
        "security": SECURITY,
        "tags": _tags(operations.tags.values(), own.get("tags", ())),
        "paths": dict(sorted(paths.items())),
        "components": {kind: dict(sorted(parts.items())) for kind, parts in components.items()},
    }


def render_document(app: FastAPI, routes: Sequence[Route]) -> bytes:
    """The document as JSON in UTF-8."""
    return orjson.dumps(build_document(app, routes))


def _merge_components(shared: dict[str, dict[str, Any]], own: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    for kind, parts in own.items():
        # The document's security schemes hold for the app's own routes as well.
        if kind != "securitySchemes":
            kept = {name: part for name, part in parts.items() if name not in _FASTAPI_ERRORS}
            shared.setdefault(kind, {}).update(kept)
    return shared


def _with_problems(operation: dict[str, Any]) -> dict[str, Any]:
    """A hand-written route's operation, with the errors as the gateway answers them."""
    responses = dict(operation.get("responses", {}))
    if _is_fastapi_error(responses.get("422", {})):
        del responses["422"]
        responses.setdefault("400", {"$ref": "#/components/responses/InvalidArgument"})
    responses.setdefault("default", {"$ref": "#/components/responses/Problem"})
    described = {**operation, "responses": responses}
    if described.get("security"):
        described["security"] = SECURITY
    return described


def _is_fastapi_error(response: dict[str, Any]) -> bool:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref")).endswith("/HTTPValidationError")


def _tags(declared: Iterable[dict[str, str]], own: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    by_name = {tag["name"]: tag for tag in (*declared, *own)}
    return [by_name[name] for name in sorted(by_name)]
