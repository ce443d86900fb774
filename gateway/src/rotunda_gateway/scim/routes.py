"""`/scim/v2`."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from fastapi import FastAPI
from scim2_models import (
    Context,
    ForbiddenException,
    InvalidPathException,
    InvalidSyntaxException,
    ListResponse,
    Resource,
    ResponseParameters,
    SearchRequest,
)
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp

from rotunda_gateway.http.body import read_body
from rotunda_gateway.scim import discovery
from rotunda_gateway.scim.directory import Directory
from rotunda_gateway.scim.endpoint import Endpoint, external_id, version
from rotunda_gateway.scim.errors import MEDIA_TYPE, error_response
from rotunda_gateway.scim.filters import ALL, ORDERS, external_id_required, record_id
from rotunda_gateway.scim.groups import Groups
from rotunda_gateway.scim.paging import Pages
from rotunda_gateway.scim.resources import TOLERANT
from rotunda_gateway.scim.users import Users
from rotunda_gateway.transcoding.headers import IF_MATCH, check_content, expected_etag
from rotunda_gateway.transcoding.transcoder import Authenticate, Call
from rotunda_kit.errors import InvalidArgument, NotFound
from rotunda_kit.violations import Unfit

PREFIX = "/scim/v2"

Handler = Callable[[Request, Directory], Awaitable[Response]]


class Provisioning:
    """Serves SCIM.

    Args:
        call: reaches the services.
        authenticate: knows the callers.
        body_limit: most bytes of a request body.
    """

    def __init__(self, call: Call, authenticate: Authenticate, body_limit: int) -> None:
        self._call = call
        self._authenticate = authenticate
        self._body_limit = body_limit
        self._pages = Pages()

    def app(self) -> ASGIApp:
        """The routes; whatever goes wrong in them is answered as a SCIM error."""
        routes = [
            self._route("/ServiceProviderConfig", GET=_config),
            self._route("/ResourceTypes", GET=_described(discovery.resource_types)),
            self._route("/ResourceTypes/{id}", GET=_one_described(discovery.resource_types)),
            self._route("/Schemas", GET=_described(discovery.schemas)),
            self._route("/Schemas/{id}", GET=_one_described(discovery.schemas)),
            *self._resource_routes("/Users", Users()),
            *self._resource_routes("/Groups", Groups()),
        ]

        async def answer(_request: Request, error: Exception) -> Response:
            return error_response(error)

        router = Router(routes, redirect_slashes=False)
        return ExceptionMiddleware(router, handlers={HTTPException: answer, Exception: answer})

    def _route(self, path: str, **handlers: Handler) -> Route:
        async def serve(request: Request) -> Response:
            directory = Directory(self._call, await self._authenticate(request.headers))
            return await handlers[request.method.replace("HEAD", "GET")](request, directory)

        return Route(path, serve, methods=list(handlers))

    def _resource_routes(self, path: str, endpoint: Endpoint[Any, Any]) -> list[Route]:
        async def query(request: Request, directory: Directory) -> Response:
            return await self._list(request, directory, endpoint, dict(request.query_params))

        async def search(request: Request, directory: Directory) -> Response:
            return await self._list(request, directory, endpoint, await self._payload(request))

        async def create(request: Request, directory: Directory) -> Response:
            parameters = _parameters(request, endpoint)
            record = await endpoint.create(directory, await self._payload(request))
            return await _answer(request, directory, endpoint, record, parameters, status=201)

        async def get(request: Request, directory: Directory) -> Response:
            parameters = _parameters(request, endpoint)
            record = await endpoint.get(directory, _id(request))
            if request.headers.get("if-none-match") == version(record):
                return Response(status_code=304, headers={"etag": version(record)})
            return await _answer(request, directory, endpoint, record, parameters)

        async def replace(request: Request, directory: Directory) -> Response:
            parameters = _parameters(request, endpoint)
            payload = await self._payload(request)
            record = await endpoint.replace(directory, _id(request), payload, _etag(request))
            return await _answer(request, directory, endpoint, record, parameters)

        async def patch(request: Request, directory: Directory) -> Response:
            parameters = _parameters(request, endpoint)
            payload = await self._payload(request)
            record, small = await endpoint.patch(directory, _id(request), payload, _etag(request))
            if not small and not parameters.attributes:
                return Response(status_code=204, headers={"etag": version(record)})
            return await _answer(request, directory, endpoint, record, parameters)

        async def delete(request: Request, directory: Directory) -> Response:
            await endpoint.delete(directory, _id(request), _etag(request))
            return Response(status_code=204)

        return [
            self._route(path, GET=query, POST=create),
            self._route(f"{path}/.search", POST=search),
            self._route(f"{path}/{{id}}", GET=get, PUT=replace, PATCH=patch, DELETE=delete),
        ]

    async def _payload(self, request: Request) -> Any:
        headers = request.headers
        body = await read_body(request.receive, headers.get("content-length"), self._body_limit)
        check_content(headers)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise InvalidSyntaxException(detail=f"The body is not JSON: {error}.") from None

    async def _list(self, request: Request, directory: Directory, endpoint: Endpoint[Any, Any], given: Any) -> Response:
        search = SearchRequest[endpoint.resource].model_validate(  # type: ignore[name-defined]
            given, scim_ctx=Context.SEARCH_REQUEST, scim_policy=TOLERANT
        )
        condition, required = ALL, None
        if search.filter is not None:
            condition = await endpoint.condition(directory, search.filter.ast)
            required = external_id_required(search.filter.ast)
        order = _order(search)
        count = discovery.DEFAULT_RESULTS if search.count is None else min(search.count, discovery.MOST_RESULTS)
        records, total = await self._pages.find(
            (directory.token, endpoint.resource, condition, order),
            endpoint.fetch(directory, condition, order),
            search.start_index_0 or 0,
            count,
            lambda record: required is None or external_id(record) == required,
        )
        shown = await endpoint.show(directory, records, _base(request), search)
        listed = ListResponse[endpoint.resource](  # type: ignore[name-defined]
            total_results=total,
            start_index=search.start_index or 1,
            items_per_page=len(shown),
            resources=shown,
        )
        return _json(listed.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=search))


def install_provisioning(app: FastAPI, provisioning: Provisioning) -> None:
    """Let an app serve SCIM, whatever stands behind its prefix."""
    mount = Mount(PREFIX, provisioning.app())
    # By itself it does not match a path with a line break.
    mount.path_regex = re.compile(f"{PREFIX}/(?P<path>.*)", re.DOTALL)
    app.router.routes.append(mount)


def _order(search: SearchRequest[Any]) -> str:
    # Oldest first, so that users who come while an identity provider pages do not move the others.
    field = "id"
    if search.sort_by:
        known = ORDERS.get(str(search.sort_by).rpartition("2.0:User:")[2].lower())
        if known is None:
            raise InvalidPathException(detail=f"Lists can't be sorted by {search.sort_by}.")
        field = known
    return f"{field} desc" if search.sort_order == "descending" else field


async def _answer(
    request: Request,
    directory: Directory,
    endpoint: Endpoint[Any, Any],
    record: Any,
    parameters: ResponseParameters[Any],
    status: int = 200,
) -> Response:
    base = _base(request)
    [shown] = await endpoint.show(directory, [record], base, parameters)
    content = shown.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=parameters)
    return _json(content, status, {"etag": version(record), "location": shown.meta.location})


def _json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, {"cache-control": "no-store", **(headers or {})}, MEDIA_TYPE)


def _parameters(request: Request, endpoint: Endpoint[Any, Any]) -> ResponseParameters[Any]:
    return SearchRequest[endpoint.resource].model_validate(  # type: ignore[name-defined]
        {name: value for name, value in request.query_params.items() if name.lower().endswith("attributes")},
        scim_ctx=Context.SEARCH_REQUEST,
        scim_policy=TOLERANT,
    )


def _base(request: Request) -> str:
    """Where SCIM is, as the client sees it."""
    return f"{str(request.base_url).rstrip('/').removesuffix(PREFIX)}{PREFIX}"


def _id(request: Request) -> str:
    found = record_id(request.path_params["id"])
    if found is None:
        raise NotFound("RESOURCE_NOT_FOUND", "There is no such resource.")
    return found


def _etag(request: Request) -> str:
    header = request.headers.get("if-match")
    try:
        return expected_etag(header) if header is not None else ""
    except Unfit as problem:
        raise InvalidArgument.of(IF_MATCH, str(problem)) from None


async def _config(request: Request, _directory: Directory) -> Response:
    return _json(discovery.service_provider_config(_base(request)).model_dump())


def _described(describe: Callable[[str], list[Resource[Any]]]) -> Handler:
    async def answer(request: Request, _directory: Directory) -> Response:
        if "filter" in request.query_params:
            # RFC 7644, 4.
            raise ForbiddenException(detail="What the service says of itself can't be filtered.")
        found = [each.model_dump() for each in describe(_base(request))]
        return _json(
            {
                "schemas": [ListResponse.__schema__],
                "totalResults": len(found),
                "startIndex": 1,
                "itemsPerPage": len(found),
                "Resources": found,
            }
        )

    return answer


def _one_described(describe: Callable[[str], list[Resource[Any]]]) -> Handler:
    async def answer(request: Request, _directory: Directory) -> Response:
        for each in describe(_base(request)):
            if str(each.id).lower() == request.path_params["id"].lower():
                return _json(each.model_dump())
        raise NotFound("RESOURCE_NOT_FOUND", "There is no such resource.")

    return answer
