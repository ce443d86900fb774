"""How the hand-written routes read and write JSON: as the protos' routes do."""

from fastapi import Request
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from rotunda_gateway.access.principals import SESSION
from rotunda_gateway.auth.callers import Caller, Callers
from rotunda_kit.errors import PermissionDenied


class Shape(BaseModel):
    """A body in lowerCamelCase; unknown fields are refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Done(Shape):
    """It is done."""


async def in_person(callers: Callers, request: Request) -> Caller:
    """The caller, signed in and for himself: what is about one's own credentials, nobody does on behalf of another.

    Raises:
        PermissionDenied: SESSION_REQUIRED.
    """
    caller = await callers.caller(request.headers)
    if caller.principal.actor or caller.credential.kind != SESSION:
        raise PermissionDenied("SESSION_REQUIRED", "Only who signed in himself may do this.")
    return caller


def client_of(request: Request) -> tuple[str, str]:
    """A client's name for itself, and its address: that which a trusted proxy names, else that of the connection."""
    return request.headers.get("user-agent", ""), request.client.host if request.client else ""
