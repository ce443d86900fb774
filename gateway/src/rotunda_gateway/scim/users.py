"""Users of the platform as SCIM users, and back."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from scim2_models import Context, PatchOp, Reference, ResponseParameters
from scim2_models.path import FilterNode

from rotunda.access.v1 import user_service_pb2 as pb
from rotunda_gateway.scim.directory import Directory, Fetch
from rotunda_gateway.scim.endpoint import Base, Endpoint, asks_for, external_id, external_ids, meta, untouched
from rotunda_gateway.scim.filters import USER, Translation
from rotunda_gateway.scim.resources import TOLERANT, Email, GroupMembership, Name, User
from rotunda_kit.errors import EtagMismatch

# How often a change is tried anew, where others change the user at the same time.
TRIES = 5

_KEPT = ("username", "display_name", "email", "language", "time_zone", "active", "external_ids", "password")


class Users(Endpoint[User, pb.User]):
    """`/Users`."""

    resource = User

    async def get(self, directory: Directory, record_id: str) -> pb.User:
        """One user."""
        return await directory.user(record_id)

    def fetch(self, directory: Directory, condition: str, order: str) -> Fetch:
        """The users that a filter finds."""
        return directory.users(condition, order)

    async def condition(self, directory: Directory, node: FilterNode) -> str:  # noqa: ARG002 - groups need it
        """A filter as one of the platform."""
        return Translation(USER).visit(node)

    async def show(
        self, directory: Directory, records: Iterable[pb.User], base: Base, parameters: ResponseParameters[Any]
    ) -> list[User]:
        """As SCIM has them, with the names of their groups if those are asked for."""
        users = list(records)
        names = {}
        if asks_for(parameters, "groups"):
            names = await directory.group_names(group_id for user in users for group_id in user.group_ids)
        return [_user(user, base, names) for user in users]

    async def create(self, directory: Directory, payload: Any) -> pb.User:
        """A new user."""
        user = User.model_validate(payload, scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=TOLERANT)
        return await directory.create_user(_record(user, pb.User(), _first_name(user)))

    async def replace(self, directory: Directory, record_id: str, payload: Any, etag: str) -> pb.User:
        """Change all attributes; `externalId` and `active` stay as they are where they are left out."""

        def wanted(before: pb.User) -> pb.User:
            user = User.model_validate(payload, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST, scim_policy=TOLERANT)
            shown = _user(before, "", {})
            with TOLERANT:
                user.replace(shown)
            user.external_id = user.external_id or shown.external_id
            return _record(user, before, _first_name(user))

        return await self._change(directory, record_id, etag, wanted)

    async def patch(self, directory: Directory, record_id: str, payload: Any, etag: str) -> tuple[pb.User, bool]:
        """Change some attributes."""
        patch = PatchOp[User].model_validate(payload, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=TOLERANT)

        def wanted(before: pb.User) -> pb.User:
            user = _user(before, "", {})
            patch.patch(user, scim_policy=TOLERANT)
            return _record(user, before, _changed_name(user, before.display_name))

        return await self._change(directory, record_id, etag, wanted), True

    async def delete(self, directory: Directory, record_id: str, etag: str) -> None:
        """Delete a user, who can't sign in any more; what they own stays."""
        await directory.delete_user(record_id, etag)

    async def _change(
        self, directory: Directory, record_id: str, etag: str, wanted: Callable[[pb.User], pb.User]
    ) -> pb.User:
        for attempt in range(1, TRIES + 1):
            before = await directory.user(record_id)
            untouched(before, etag)
            after = wanted(before)
            fields = [name for name in _KEPT if _value(before, name) != _value(after, name)]
            if not fields:
                return before
            try:
                return await directory.update_user(after, fields)
            except EtagMismatch:
                if etag or attempt == TRIES:
                    raise
        raise AssertionError("unreachable")


def _user(record: pb.User, base: Base, group_names: Mapping[str, str]) -> User:
    return User(
        id=record.id,
        external_id=external_id(record),
        meta=meta(record, base, "User"),
        user_name=record.username,
        name=Name(formatted=record.display_name),
        display_name=record.display_name,
        preferred_language=record.language or None,
        timezone=record.time_zone or None,
        active=record.active,
        emails=[Email(value=record.email, type="work", primary=True)] if record.email else None,
        groups=[
            GroupMembership(value=group_id, ref=Reference(f"{base}/Groups/{group_id}"), display=name, type="direct")
            for group_id in record.group_ids
            if (name := group_names.get(group_id)) is not None
        ]
        or None,
    )


def _record(user: User, before: pb.User, display_name: str) -> pb.User:
    """The user's record as SCIM wants it to be."""
    username = (user.user_name or "").lower()
    record = pb.User(id=before.id, etag=before.etag, username=username, display_name=display_name)
    email = _email(user.emails or [])
    if email:
        record.email = email
    if user.preferred_language:
        # RFC 7643, 4.1.1: as in the header Accept-Language; Entra ID and Okta send de_AT, too.
        record.language = user.preferred_language.partition(",")[0].partition(";")[0].strip().replace("_", "-")
    if user.timezone:
        record.time_zone = user.timezone
    record.active = user.active if user.active is not None else before.active or not before.id
    if user.password:
        record.password = user.password
    record.external_ids.extend(external_ids(before, user.external_id))
    return record


def _value(record: pb.User, name: str) -> Any:
    value = getattr(record, name)
    return list(value) if name == "external_ids" else value


def _email(emails: list[Email]) -> str | None:
    given = [email for email in emails if email.value]
    given.sort(key=lambda email: (not email.primary, (email.type or "").lower() != "work"))
    return given[0].value if given else None


def _whole(name: Name | None) -> str | None:
    """Both names together."""
    return f"{name.given_name} {name.family_name}" if name and name.given_name and name.family_name else None


def _first_name(user: User) -> str:
    """The name of a user of whom all is given."""
    return user.display_name or (user.name and user.name.formatted) or _whole(user.name) or user.user_name or ""


def _changed_name(user: User, before: str) -> str:
    """The name of a user of whom something has changed."""
    for name in (user.display_name, user.name and user.name.formatted, _whole(user.name)):
        if name and name != before:
            return name
    return before
