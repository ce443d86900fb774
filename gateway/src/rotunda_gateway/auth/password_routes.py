"""Passwords: changing one's own, and getting a new one."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from rotunda_gateway.auth.callers import Callers
from rotunda_gateway.auth.credentials import Credentials
from rotunda_gateway.auth.passwords import Passwords
from rotunda_gateway.auth.shapes import Done, Shape, client_of, in_person
from rotunda_gateway.auth.throttle import Throttle

_GOOD_ENOUGH = "`PASSWORD_TOO_SHORT`, `PASSWORD_TOO_LONG`, `PASSWORD_KNOWN` or `PASSWORD_COMMON`"


class PasswordChange(Shape):
    """The password, and the one to be."""

    current_password: str = Field(max_length=1024)
    new_password: str


class ResetRequest(Shape):
    """Who has forgotten his password."""

    username: str = Field(max_length=255)


class PasswordReset(Shape):
    """Lets its holder set a user's password once; shown once."""

    token: str
    expire_time: datetime


class NewPassword(Shape):
    """A token from a mail or from an administrator, and the password to be."""

    token: str = Field(max_length=255)
    new_password: str


def password_routes(callers: Callers, passwords: Passwords, throttle: Throttle, credentials: Credentials) -> APIRouter:
    """The routes of passwords."""
    router = APIRouter(tags=["Sign-in"])

    @router.post(
        "/v1/auth/changePassword",
        summary="Change one's own password",
        description=f"Ends one's other sessions. 400 `PASSWORD_WRONG`, {_GOOD_ENOUGH}; 429 `SIGN_IN_THROTTLED`.",
    )
    async def change(body: PasswordChange, request: Request) -> Done:
        caller = await in_person(callers, request)
        user_id, session_id = UUID(caller.principal.subject), UUID(caller.principal.session)
        attempt = await throttle.enter("change_password", caller.principal.subject, client_of(request)[1])
        await passwords.change(user_id, session_id, body.current_password, body.new_password)
        await attempt.succeed()
        callers.forget_user(caller.principal.subject)
        return Done()

    @router.post(
        "/v1/auth/requestPasswordReset",
        summary="Ask for a mail with a token to set a new password",
        description="Answers alike whether there is such a user or not. 429 `SIGN_IN_THROTTLED`.",
        openapi_extra={"security": []},
    )
    async def request_reset(body: ResetRequest, request: Request) -> Done:
        await throttle.enter("request_password_reset", body.username, client_of(request)[1])
        passwords.request_reset(body.username)
        return Done()

    @router.post(
        "/v1/auth/resetPassword",
        summary="Set a new password with a token",
        description=f"Ends all sessions of the user. 400 `RESET_TOKEN_INVALID`, {_GOOD_ENOUGH}.",
        openapi_extra={"security": []},
    )
    async def reset(body: NewPassword) -> Done:
        await passwords.reset(body.token, body.new_password)
        return Done()

    @router.post(
        "/v1/users/{id}:createPasswordReset",
        summary="A token with which a user sets a new password",
        description="For who may `access.users.manageCredentials`; for administrators only as one. It is shown once, "
        "works once and within 30 minutes.",
    )
    async def create_reset(request: Request, response: Response, id: UUID) -> PasswordReset:  # noqa: A002 - the API's name
        await credentials.check(await in_person(callers, request), id)
        token, expires = await passwords.create_reset(id)
        response.headers["cache-control"] = "no-store"
        return PasswordReset(token=token, expire_time=expires)

    return router
