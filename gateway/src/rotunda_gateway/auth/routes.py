"""Sign-in, and who one is."""

from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel

from rotunda.access.v1 import user_service_pb2 as pb
from rotunda_gateway.access.users.service import users
from rotunda_gateway.auth.callers import Callers
from rotunda_gateway.auth.second_factor import SecondFactors
from rotunda_gateway.auth.sessions import Sessions, SignedIn
from rotunda_gateway.auth.shapes import client_of
from rotunda_gateway.auth.sign_in import SignIn
from rotunda_kit.db.engine import Database
from rotunda_kit.errors import FieldViolation, InvalidArgument
from rotunda_kit.json import encoder


class TokenAnswer(BaseModel):
    """An access token, and what gives the next one (RFC 6749, 5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    # Not of the RFC: seconds until the session ends.
    refresh_expires_in: int

    @classmethod
    def of(cls, signed_in: SignedIn) -> "TokenAnswer":
        """What a sign-in gave."""
        return cls(
            access_token=signed_in.access_token,
            token_type=signed_in.token_type,
            expires_in=signed_in.expires_in,
            refresh_token=signed_in.refresh_token,
            refresh_expires_in=signed_in.refresh_expires_in,
        )


def auth_routes(
    callers: Callers, sessions: Sessions, sign_in: SignIn, factors: SecondFactors, database: Database
) -> APIRouter:
    """The routes of sign-in."""
    router = APIRouter(tags=["Sign-in"])

    @router.post(
        "/v1/auth/token",
        summary="Sign in by username and password, or prolong a session by its refresh token",
        description="401 `SIGN_IN_FAILED`; with a second factor `TOTP_REQUIRED` without `totp_code`, `TOTP_INVALID` "
        "with a wrong or used one; 429 `SIGN_IN_THROTTLED` after too many failures. For a refresh "
        "`REFRESH_TOKEN_INVALID`, `SESSION_ENDED`, or `REFRESH_TOKEN_REUSED`, which ends the session: a refresh token "
        "is good for one refresh.",
        openapi_extra={"security": []},
    )
    async def token(
        request: Request,
        response: Response,
        grant_type: Annotated[Literal["password", "refresh_token"], Form()] = "password",
        username: Annotated[str, Form(max_length=255)] = "",
        password: Annotated[str, Form(max_length=1024)] = "",
        totp_code: Annotated[str, Form(max_length=40)] = "",
        refresh_token: Annotated[str, Form(max_length=255)] = "",
    ) -> TokenAnswer:
        response.headers["cache-control"] = "no-store"
        if grant_type == "refresh_token":
            _must_be_set(refresh_token=refresh_token)
            return TokenAnswer.of(await sessions.refresh(refresh_token))
        _must_be_set(username=username, password=password)
        user_agent, address = client_of(request)
        signed_in = await sign_in.by_password(username, password, totp_code, user_agent=user_agent, address=address)
        return TokenAnswer.of(signed_in)

    @router.get("/v1/me", summary="Who is signed in", response_model=dict[str, Any])
    async def me(request: Request) -> Response:
        caller = await callers.caller(request.headers)
        # Everyone may see himself, whatever his roles.
        async with database.reading() as connection:
            row = (await connection.execute(users.mapping.by_id, {"id": UUID(caller.principal.subject)})).one()
        content = encoder(pb.User)(users.mapping.read(row))
        content["secondFactor"] = {
            "enabled": await factors.enabled(UUID(caller.principal.subject)),
            "recoveryCodesLeft": await factors.recovery_codes_left(UUID(caller.principal.subject)),
        }
        return Response(orjson.dumps(content), media_type="application/json")

    return router


def _must_be_set(**fields: str) -> None:
    missing = [FieldViolation(name, "must be set") for name, value in fields.items() if not value]
    if missing:
        raise InvalidArgument(missing)
