"""Second factors: setting them up, and doing without."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from rotunda_gateway.auth.callers import Callers
from rotunda_gateway.auth.credentials import Credentials
from rotunda_gateway.auth.passwords import Passwords
from rotunda_gateway.auth.second_factor import SecondFactors, wrong_code
from rotunda_gateway.auth.shapes import Done, Shape, client_of, in_person
from rotunda_gateway.auth.throttle import Throttle


class TotpSecret(Shape):
    """What an authenticator app needs; shown once."""

    secret: str
    otpauth_uri: str


class TotpCode(Shape):
    """The present code of the app."""

    code: str = Field(max_length=20)


class RecoveryCodes(Shape):
    """Each stands in for a code once; shown once."""

    recovery_codes: list[str]


class TotpRemoval(Shape):
    """Who wants to do without proves once more who he is; a recovery code is a code too."""

    password: str = Field(max_length=1024)
    code: str = Field(max_length=40)


def second_factor_routes(
    callers: Callers, factors: SecondFactors, passwords: Passwords, throttle: Throttle, credentials: Credentials
) -> APIRouter:
    """The routes of second factors."""
    router = APIRouter(tags=["Sign-in"])

    @router.post(
        "/v1/auth/totp:begin",
        summary="Begin to set up a second factor",
        description="A secret for an authenticator app (RFC 6238). It counts when it is confirmed. 409 `TOTP_ENABLED`.",
    )
    async def begin(request: Request, response: Response) -> TotpSecret:
        caller = await in_person(callers, request)
        user_id = UUID(caller.principal.subject)
        begun = await factors.set_up(user_id, await passwords.username(user_id))
        response.headers["cache-control"] = "no-store"
        return TotpSecret(secret=begun.secret, otpauth_uri=begun.otpauth_uri)

    @router.post(
        "/v1/auth/totp:confirm",
        summary="Let the second factor count from now on",
        description="400 `TOTP_INVALID`, 409 `TOTP_NOT_BEGUN` or `TOTP_ENABLED`, 429 `SIGN_IN_THROTTLED`.",
    )
    async def confirm(body: TotpCode, request: Request, response: Response) -> RecoveryCodes:
        caller = await in_person(callers, request)
        attempt = await throttle.enter("totp", caller.principal.subject, client_of(request)[1])
        codes = await factors.confirm(UUID(caller.principal.subject), body.code)
        await attempt.succeed()
        response.headers["cache-control"] = "no-store"
        return RecoveryCodes(recovery_codes=codes)

    @router.post(
        "/v1/auth/totp:disable",
        summary="Do without the second factor",
        description="400 `PASSWORD_WRONG` or `TOTP_INVALID`, 429 `SIGN_IN_THROTTLED`.",
    )
    async def disable(body: TotpRemoval, request: Request) -> Done:
        caller = await in_person(callers, request)
        user_id = UUID(caller.principal.subject)
        attempt = await throttle.enter("totp", caller.principal.subject, client_of(request)[1])
        await passwords.check(user_id, body.password, "password")
        if not await factors.accept(user_id, body.code):
            raise wrong_code()
        await attempt.succeed()
        await factors.remove(user_id)
        return Done()

    @router.post(
        "/v1/users/{id}:resetSecondFactor",
        summary="Let a user sign in without his second factor, until he sets up another",
        description="For who may `access.users.manageCredentials`; for administrators only as one.",
    )
    async def reset(request: Request, id: UUID) -> Done:  # noqa: A002 - the API's name
        await credentials.check(await in_person(callers, request), id)
        await factors.remove(id)
        return Done()

    return router
