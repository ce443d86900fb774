"""Sign-in, and who one is."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel

from rotunda.access.v1 import user_service_pb2 as pb
from rotunda_gateway.access.users.service import users
from rotunda_gateway.auth.callers import Callers
from rotunda_kit.db.engine import Database
from rotunda_kit.json import encoder


class TokenAnswer(BaseModel):
    """An access token (RFC 6749, 5.1)."""

    access_token: str
    token_type: str
    expires_in: int


def auth_routes(callers: Callers, database: Database) -> APIRouter:
    """The routes of sign-in."""
    router = APIRouter(tags=["Sign-in"])

    @router.post(
        "/v1/auth/token",
        summary="Sign in by username and password",
        openapi_extra={"security": []},
    )
    async def token(
        username: Annotated[str, Form(max_length=255)],
        password: Annotated[str, Form(max_length=1024)],
        response: Response,
    ) -> TokenAnswer:
        signed_in = await callers.sign_in(username, password)
        response.headers["cache-control"] = "no-store"
        return TokenAnswer(
            access_token=signed_in.access_token, token_type=signed_in.token_type, expires_in=signed_in.expires_in
        )

    @router.get("/v1/me", summary="Who is signed in", response_model=dict[str, Any])
    async def me(request: Request) -> Response:
        await callers.authenticate(request.headers)
        subject = callers.identify(request.headers).subject
        # Everyone may see himself, whatever his roles.
        async with database.reading() as connection:
            row = (await connection.execute(users.mapping.by_id, {"id": UUID(subject)})).one()
        return Response(orjson.dumps(encoder(pb.User)(users.mapping.read(row))), media_type="application/json")

    return router
