"""The methods of API keys."""

from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, null, select

from rotunda.access.v1 import api_key_service_pb2 as pb
from rotunda_gateway.access.administrators import is_administrator
from rotunda_gateway.access.api_keys.model import ApiKey
from rotunda_gateway.access.api_keys.secret import SHOWN, new_api_key
from rotunda_gateway.access.roles.catalogue import permissions
from rotunda_gateway.access.users.model import User
from rotunda_gateway.auth.secrets import digest_of
from rotunda_kit.access.permissions import Permission
from rotunda_kit.access.rights import covers
from rotunda_kit.errors import FieldViolation, InvalidArgument, PermissionDenied
from rotunda_kit.model import new_id
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Servicer

ACT_AS = Permission("access.users", "actAs")

api_key = ApiKey.__table__
user = User.__table__
holder = user.alias("holder")


async def with_a_secret(call: Command, _request: pb.CreateApiKeyRequest, values: dict[str, Any]) -> ApiKey:
    """A new API key, whose secret the answer shows."""
    key_id = new_id()
    secret = new_api_key(key_id)
    user_id = values.pop("user_id", None) or UUID(call.principal.subject)
    call.show_once = lambda answer: setattr(answer.api_key, "secret", secret)
    return ApiKey(id=key_id, user_id=user_id, prefix=secret[:SHOWN], digest=digest_of(secret), **values)


async def scopes_mean_something(_call: Command, record: ApiKey) -> None:
    """Refuse scopes that are about nothing."""
    wrong = [
        FieldViolation(f"api_key.scopes[{at}]", "is no permission, no `<service>.<resource>.*`, `<service>.*` or `*`")
        for at, scope in enumerate(record.scopes)
        if not any(covers(scope, permission) for permission in permissions())
    ]
    if wrong:
        raise InvalidArgument(wrong)


async def no_more_than_own(call: Command, record: ApiKey) -> None:
    """Refuse to let a key outlive or exceed what its author has himself.

    Raises:
        PermissionDenied: SESSION_REQUIRED, ACTING_NOT_ALLOWED or ACTING_FOR_ADMINISTRATOR.
    """
    if call.principal.actor or call.principal.limits:
        raise PermissionDenied("SESSION_REQUIRED", "Only who signed in himself may do this.")
    if str(record.user_id) == call.principal.subject or call.principal.administrator:
        return
    if not call.access.allows(ACT_AS, owned=False):
        raise PermissionDenied("ACTING_NOT_ALLOWED", "None of your roles lets you act on behalf of others.")
    if await call.session.scalar(select(is_administrator()).where(user.c.id == record.user_id)):
        raise PermissionDenied("ACTING_FOR_ADMINISTRATOR", "Only administrators may act on behalf of one.")


api_keys = Collection(
    ApiKey,
    pb.ApiKey,
    derived={"user_display_name": holder.c.display_name, "secret": cast(null(), Text)},
    joins=[(holder, holder.c.id == api_key.c.user_id)],
    build=with_a_secret,
    guards=[scopes_mean_something, no_more_than_own],
)


class ApiKeyService(Servicer, service="rotunda.access.v1.ApiKeyService"):
    """What machines sign in with."""

    GetApiKey = api_keys.get()
    ListApiKeys = api_keys.list()
    CreateApiKey = api_keys.create()
    UpdateApiKey = api_keys.update()
    DeleteApiKey = api_keys.delete()

    @api_keys.verb
    async def RevokeApiKey(call: Command, record: ApiKey, _request: pb.RevokeApiKeyRequest) -> None:  # noqa: N805
        """Refuse who has it from now on."""
        record.revoke()
