"""Where browsers leave for the provider, and come back to."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from rotunda_gateway.auth.oidc.sign_in import LIFETIME, OidcSignIn
from rotunda_gateway.auth.routes import TokenAnswer
from rotunda_gateway.auth.sessions import Sessions
from rotunda_gateway.auth.shapes import client_of

COOKIE = "rotunda_oidc"
PATH = "/v1/auth/oidc"


def oidc_routes(sign_in: OidcSignIn, sessions: Sessions, *, secure: bool) -> APIRouter:
    """The routes of sign-in at the organisation's provider.

    Args:
        sign_in: what they do.
        sessions: to begin one.
        secure: whether browsers reach us by https only.
    """
    router = APIRouter(tags=["Sign-in"])

    @router.get(
        f"{PATH}/signIn",
        summary="Go to the organisation's identity provider to sign in",
        status_code=302,
        response_class=RedirectResponse,
        openapi_extra={"security": []},
    )
    async def leave() -> Response:
        address, cookie = await sign_in.leave()
        response = RedirectResponse(address, status_code=302, headers={"cache-control": "no-store"})
        response.set_cookie(COOKIE, cookie, max_age=LIFETIME, path=PATH, secure=secure, httponly=True, samesite="lax")
        return response

    @router.get(
        f"{PATH}/callback",
        summary="Come back from the identity provider, and get a session",
        description="401 `OIDC_STATE_INVALID` where this browser began no such sign-in, `OIDC_SIGN_IN_FAILED` where "
        "the provider refuses it, `TOKEN_INVALID`, `USER_UNKNOWN` and `USER_INACTIVE`; 503 `OIDC_UNAVAILABLE`.",
        openapi_extra={"security": []},
    )
    async def callback(request: Request, response: Response) -> TokenAnswer:
        user_id = await sign_in.come_back(request.query_params, request.cookies.get(COOKIE, ""))
        user_agent, address = client_of(request)
        signed_in = await sessions.begin(user_id, "OIDC", user_agent=user_agent, address=address)
        response.headers["cache-control"] = "no-store"
        response.delete_cookie(COOKIE, path=PATH, secure=secure, httponly=True, samesite="lax")
        return TokenAnswer.of(signed_in)

    return router
