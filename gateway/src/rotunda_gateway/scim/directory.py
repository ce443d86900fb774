"""The users and groups of the platform, asked for and changed in the name of who calls."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from uuid_utils import uuid7

from rotunda.access.v1 import group_service_pb2 as group_pb
from rotunda.access.v1 import user_service_pb2 as user_pb
from rotunda_gateway.scim.filters import any_of, quoted
from rotunda_gateway.transcoding.transcoder import DEFAULT_DEADLINE, Call
from rotunda_kit.errors import PermissionDenied

# At most so many members a call, users or groups a page, and comparisons a filter.
BATCH = 1000
LOOKED_UP = 100
# Pages of the members of groups that are read for one answer.
MOST_PAGES = 200

_METHODS = {
    method.name: method
    for service in (
        user_pb.DESCRIPTOR.services_by_name["UserService"],
        group_pb.DESCRIPTOR.services_by_name["GroupService"],
    )
    for method in service.methods
}

Fetch = Callable[[str], Awaitable[tuple[Sequence[Any], str]]]
"""From the token of a page to its records and the token of the next; empty for the first, and of the last."""


class Directory:
    """Calls the methods of access.

    Args:
        call: reaches the services.
        token: of who calls.
    """

    def __init__(self, call: Call, token: str) -> None:
        self._call = call
        self.token = token

    async def user(self, user_id: str) -> user_pb.User:
        """One user."""
        answer = await self._ask("GetUser", user_pb.GetUserRequest(id=user_id))
        return answer.user  # type: ignore[no-any-return]

    async def create_user(self, user: user_pb.User) -> user_pb.User:
        """A new user."""
        answer = await self._ask("CreateUser", user_pb.CreateUserRequest(user=user, request_id=str(uuid7())))
        return answer.user  # type: ignore[no-any-return]

    async def update_user(self, user: user_pb.User, fields: Iterable[str]) -> user_pb.User:
        """Change these fields; its etag must be the user's."""
        request = user_pb.UpdateUserRequest(user=user, request_id=str(uuid7()))
        request.update_mask.paths.extend(fields)
        return (await self._ask("UpdateUser", request)).user  # type: ignore[no-any-return]

    async def delete_user(self, user_id: str, etag: str) -> None:
        """Delete a user."""
        await self._ask("DeleteUser", user_pb.DeleteUserRequest(id=user_id, etag=etag, request_id=str(uuid7())))

    def users(self, condition: str, order: str) -> Fetch:
        """The users that a filter finds."""

        async def fetch(page_token: str) -> tuple[Sequence[Any], str]:
            request = user_pb.ListUsersRequest(filter=condition, order_by=order, page_size=BATCH, page_token=page_token)
            answer = await self._ask("ListUsers", request)
            return answer.users, answer.next_page_token

        return fetch

    async def group(self, group_id: str) -> group_pb.Group:
        """One group."""
        answer = await self._ask("GetGroup", group_pb.GetGroupRequest(id=group_id))
        return answer.group  # type: ignore[no-any-return]

    async def create_group(self, group: group_pb.Group) -> group_pb.Group:
        """A new group."""
        answer = await self._ask("CreateGroup", group_pb.CreateGroupRequest(group=group, request_id=str(uuid7())))
        return answer.group  # type: ignore[no-any-return]

    async def update_group(self, group: group_pb.Group, fields: Iterable[str]) -> group_pb.Group:
        """Change these fields; its etag must be the group's."""
        request = group_pb.UpdateGroupRequest(group=group, request_id=str(uuid7()))
        request.update_mask.paths.extend(fields)
        return (await self._ask("UpdateGroup", request)).group  # type: ignore[no-any-return]

    async def delete_group(self, group_id: str, etag: str) -> None:
        """Delete a group."""
        await self._ask("DeleteGroup", group_pb.DeleteGroupRequest(id=group_id, etag=etag, request_id=str(uuid7())))

    def groups(self, condition: str, order: str) -> Fetch:
        """The groups that a filter finds."""

        async def fetch(page_token: str) -> tuple[Sequence[Any], str]:
            request = group_pb.ListGroupsRequest(
                filter=condition, order_by=order, page_size=BATCH, page_token=page_token
            )
            answer = await self._ask("ListGroups", request)
            return answer.groups, answer.next_page_token

        return fetch

    async def group_names(self, group_ids: Iterable[str]) -> dict[str, str]:
        """The names of those of the groups that there are; none where the caller may not see groups."""
        ids = sorted(set(group_ids))
        names: dict[str, str] = {}
        try:
            for at in range(0, len(ids), LOOKED_UP):
                chunk = ids[at : at + LOOKED_UP]
                found, _ = await self.groups(any_of([f"id = {quoted(group_id)}" for group_id in chunk]), "id")("")
                names.update((group.id, group.display_name) for group in found)
        except PermissionDenied:
            return {}
        return names

    async def members(self, group_ids: Iterable[str]) -> dict[str, dict[str, str]]:
        """By group, the ids of its members and their names."""
        members: dict[str, dict[str, str]] = {group_id: {} for group_id in group_ids}
        if not members:
            return members
        fetch = self.users(any_of([f'group_ids:"{group_id}"' for group_id in members]), "id")
        token = ""
        for _ in range(MOST_PAGES):
            users, token = await fetch(token)
            for user in users:
                for group_id in members.keys() & user.group_ids:
                    members[group_id][user.id] = user.display_name
            if not token:
                break
        return members

    async def change_members(
        self, group: group_pb.Group, added: Iterable[str], removed: Iterable[str], etag: str
    ) -> group_pb.Group:
        """Let users into a group, and others out of it, a thousand a call; those who are, or are not, do not matter.

        Args:
            group: as it was.
            added: ids of users.
            removed: ids of users.
            etag: that the group must have before the first call; empty for any.
        """
        for name, request_class, ids in (
            ("AddGroupMembers", group_pb.AddGroupMembersRequest, list(added)),
            ("RemoveGroupMembers", group_pb.RemoveGroupMembersRequest, list(removed)),
        ):
            for at in range(0, len(ids), BATCH):
                request = request_class(id=group.id, user_ids=ids[at : at + BATCH], request_id=str(uuid7()), etag=etag)
                group = (await self._ask(name, request)).group
                etag = ""
        return group

    async def _ask(self, method: str, request: Any) -> Any:
        return await self._call(_METHODS[method], request, token=self.token, timeout=DEFAULT_DEADLINE)
