"""Sessions: seeing and ending them."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlalchemy import Row

from rotunda_gateway.auth.callers import Callers
from rotunda_gateway.auth.credentials import Credentials
from rotunda_gateway.auth.sessions import Sessions, session_not_found
from rotunda_gateway.auth.shapes import Done, Shape, in_person
from rotunda_kit.errors import PermissionDenied

MANAGED = "Those of others with `access.users.manageCredentials` only, and those of administrators as one."


class Session(Shape):
    """A sign-in that has not ended. `lastUseTime` is to the minute; `current` is the one that asks."""

    id: UUID
    user_id: UUID
    method: str
    create_time: datetime
    last_use_time: datetime
    expire_time: datetime
    user_agent: str
    address: str
    current: bool

    @classmethod
    def of(cls, row: Row[Any], current: str) -> Self:
        """A row of the table."""
        return cls(
            id=row.id,
            user_id=row.user_id,
            method=row.method,
            create_time=row.create_time,
            last_use_time=row.last_use_time,
            expire_time=row.expire_time,
            user_agent=row.user_agent,
            address=row.address,
            current=str(row.id) == current,
        )


class SessionList(Shape):
    """All sessions of a user, newest first; never more than 100."""

    sessions: list[Session]


def session_routes(callers: Callers, sessions: Sessions, credentials: Credentials) -> APIRouter:
    """The routes of sessions."""
    router = APIRouter(tags=["Session"])

    @router.post("/v1/auth/signOut", summary="End the session that asks")
    async def sign_out(request: Request) -> Done:
        caller = await in_person(callers, request)
        await sessions.end(UUID(caller.principal.session))
        callers.forget(caller.principal.session)
        return Done()

    @router.get("/v1/sessions", summary="The sessions of oneself or of another", description=MANAGED)
    async def list_sessions(
        request: Request, user_id: Annotated[UUID | None, Query(alias="userId")] = None
    ) -> SessionList:
        caller = await in_person(callers, request)
        own = UUID(caller.principal.subject)
        if user_id not in (None, own):
            await credentials.check(caller, user_id)
        rows = await sessions.of(user_id or own)
        return SessionList(sessions=[Session.of(row, caller.principal.session) for row in rows])

    @router.delete(
        "/v1/sessions/{id}", summary="End a session of oneself or, with `access.users.manageCredentials`, of anyone"
    )
    async def delete_session(request: Request, id: str) -> Done:  # noqa: A002 - the API's name
        caller = await in_person(callers, request)
        session_id = _session_id(id)
        owner = await sessions.owner(session_id)
        if str(owner) != caller.principal.subject:
            try:
                await credentials.check(caller, owner)
            except PermissionDenied:
                # Who may not see it is not told that it is there.
                raise session_not_found() from None
        await sessions.end(session_id)
        callers.forget(str(session_id))
        return Done()

    @router.post(
        "/v1/users/{id}:endSessions", summary="End all sessions of a user; needs `access.users.manageCredentials`"
    )
    async def end_sessions(request: Request, id: UUID) -> Done:  # noqa: A002 - the API's name
        caller = await in_person(callers, request)
        await credentials.check(caller, id)
        await sessions.end_all(id)
        callers.forget_user(str(id))
        return Done()

    return router


def _session_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise session_not_found() from None
