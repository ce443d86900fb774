"""`GET /v1/accounts/{id}/360`."""

from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response

from rotunda_gateway.auth.callers import Callers
from rotunda_gateway.overview.view import Views


def overview_routes(callers: Callers, views: Views) -> APIRouter:
    """The route of the view."""
    router = APIRouter(tags=["Overview"])

    @router.get(
        "/v1/accounts/{id}/360",
        summary="The 360 degree view of an account",
        description="Every section says whether it is `OK`, `STALE` (as it was last seen, at `asOf`), `UNAVAILABLE` or "
        "`FORBIDDEN`, where no role of the caller's lets him read it. While the customers service is away, `account` "
        "is as the gateway last heard of it, at `accountAsOf`.",
    )
    async def view(id: UUID, request: Request) -> Response:  # noqa: A002 - the API's name
        token = await callers.authenticate(request.headers)
        content = await views.get(str(id), token)
        return Response(orjson.dumps(content), media_type="application/json", headers={"cache-control": "no-store"})

    return router
