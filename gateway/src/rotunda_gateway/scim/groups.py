"""Groups of the platform as SCIM groups, and back."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from scim2_models import (
    Context,
    InvalidFilterException,
    InvalidPathException,
    InvalidValueException,
    PatchOp,
    ResponseParameters,
)
from scim2_models.path import Comparison, FilterNode, LogicalExpr, LogicalOperator

from rotunda.access.v1 import group_service_pb2 as pb
from rotunda_gateway.scim.directory import Directory, Fetch
from rotunda_gateway.scim.endpoint import Base, Endpoint, asks_for, external_id, external_ids, meta, untouched
from rotunda_gateway.scim.filters import GROUP, Translation, members_named, record_id
from rotunda_gateway.scim.resources import TOLERANT, Group, GroupMember
from rotunda_kit.errors import EtagMismatch, NotFound, RotundaError

# How often a change is tried anew, where others change the group at the same time.
TRIES = 5


class Membership:
    """What is to become of the members of a group.

    `added` and `removed` are ids of users; `whole` is true where all who are not added are removed.
    """

    def __init__(self) -> None:
        self.added: dict[str, None] = {}
        self.removed: dict[str, None] = {}
        self.whole = False

    def add(self, ids: Iterable[str]) -> None:
        """Let users in."""
        for user_id in ids:
            self.added[user_id] = None
            self.removed.pop(user_id, None)

    def remove(self, ids: Iterable[str]) -> None:
        """Let users out."""
        for user_id in ids:
            self.removed[user_id] = None
            self.added.pop(user_id, None)

    def replace(self, ids: Iterable[str]) -> None:
        """Let these users in, and all others out."""
        self.added, self.removed, self.whole = dict.fromkeys(ids), {}, True


class Groups(Endpoint[Group, pb.Group]):
    """`/Groups`."""

    resource = Group

    async def get(self, directory: Directory, record_id: str) -> pb.Group:
        """One group."""
        return await directory.group(record_id)

    def fetch(self, directory: Directory, condition: str, order: str) -> Fetch:
        """The groups that a filter finds."""
        return directory.groups(condition, order)

    async def condition(self, directory: Directory, node: FilterNode) -> str:
        """A filter as one of the platform, which asks for the groups of the users whom it names as members."""
        groups_of: dict[str, list[str]] = {}
        for user_id in members_named(node):
            try:
                groups_of[user_id] = list((await directory.user(user_id)).group_ids)
            except NotFound:
                groups_of[user_id] = []
        return Translation(GROUP, groups_of).visit(node)

    async def show(
        self, directory: Directory, records: Iterable[pb.Group], base: Base, parameters: ResponseParameters[Any]
    ) -> list[Group]:
        """As SCIM has them, with their members if those are asked for."""
        groups = list(records)
        members: Mapping[str, Mapping[str, str]] = {}
        if asks_for(parameters, "members"):
            members = await directory.members(group.id for group in groups)
        return [_group(group, base, members.get(group.id, {})) for group in groups]

    async def create(self, directory: Directory, payload: Any) -> pb.Group:
        """A new group with its members; none without them."""
        given = Group.model_validate(payload, scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=TOLERANT)
        members = _ids(given.members or [])
        created = await directory.create_group(_record(given, pb.Group()))
        try:
            return await directory.change_members(created, members, (), "")
        except RotundaError:
            await directory.delete_group(created.id, "")
            raise

    async def replace(self, directory: Directory, record_id: str, payload: Any, etag: str) -> pb.Group:
        """Change all attributes and members; `externalId` stays as it is where it is left out."""
        given = Group.model_validate(payload, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST, scim_policy=TOLERANT)
        membership = Membership()
        membership.replace(_ids(given.members or []))

        def wanted(before: pb.Group) -> pb.Group:
            given.external_id = given.external_id or external_id(before)
            return _record(given, before)

        return await self._change(directory, record_id, etag, wanted, membership)

    async def patch(self, directory: Directory, record_id: str, payload: Any, etag: str) -> tuple[pb.Group, bool]:
        """Change some attributes, and let members in and out without reading the others."""
        patch = PatchOp[Group].model_validate(payload, scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=TOLERANT)
        membership = Membership()
        rest = [operation for operation in patch.operations or [] if not _take(operation, membership)]

        def wanted(before: pb.Group) -> pb.Group:
            group = _group(before, "", {})
            PatchOp[Group].model_construct(operations=rest).patch(group, scim_policy=TOLERANT)
            return _record(group, before)

        return await self._change(directory, record_id, etag, wanted, membership), False

    async def delete(self, directory: Directory, record_id: str, etag: str) -> None:
        """Delete a group; its members lose its roles."""
        await directory.delete_group(record_id, etag)

    async def _change(
        self,
        directory: Directory,
        record_id: str,
        etag: str,
        wanted: Callable[[pb.Group], pb.Group],
        membership: Membership,
    ) -> pb.Group:
        group = await directory.group(record_id)
        untouched(group, etag)
        # What is wrong with the rest is to be found before any member is let in or out.
        wanted(group)
        added, removed = set(membership.added), set(membership.removed)
        if membership.whole:
            current = (await directory.members([group.id]))[group.id].keys()
            added, removed = added - current, set(current - added)
        group = await directory.change_members(group, added, removed, etag)
        for attempt in range(1, TRIES + 1):
            after = wanted(group)
            fields = [name for name in ("display_name", "external_ids") if _value(group, name) != _value(after, name)]
            if not fields:
                break
            try:
                return await directory.update_group(after, fields)
            except EtagMismatch:
                if etag or attempt == TRIES:
                    raise
                group = await directory.group(record_id)
        return group


def _group(record: pb.Group, base: Base, members: Mapping[str, str]) -> Group:
    return Group(
        id=record.id,
        external_id=external_id(record),
        meta=meta(record, base, "Group"),
        display_name=record.display_name,
        # Made of what the platform says, in numbers that make checking each a burden.
        members=[
            GroupMember.model_construct(value=user_id, ref=f"{base}/Users/{user_id}", display=name, type="User")
            for user_id, name in members.items()
        ]
        or None,
    )


def _record(group: Group, before: pb.Group) -> pb.Group:
    """The group's record as SCIM wants it to be."""
    return pb.Group(
        id=before.id,
        etag=before.etag,
        display_name=group.display_name or "",
        external_ids=external_ids(before, group.external_id),
    )


def _value(record: pb.Group, name: str) -> Any:
    value = getattr(record, name)
    return list(value) if name == "external_ids" else value


def _take(operation: Any, membership: Membership) -> bool:
    """Take in what an operation says of members; returns whether that is all that it says."""
    path = operation.path
    if path is None:
        values = operation.value if isinstance(operation.value, dict) else {}
        for key in [key for key in values if _is_members(key)]:
            _apply(operation.op, values.pop(key), membership)
        return not values and operation.value is values
    # A path may name no attribute, but the whole schema.
    if not path.parts or not _is_members(path.parts[0]):
        return False
    if len(path.parts) > 1 or (path.value_filter is not None and operation.op != "remove"):
        raise InvalidPathException(detail="Members are added and removed, not changed.")
    if path.value_filter is not None:
        membership.remove(_ids_selected(path.value_filter))
    elif operation.op == "remove" and operation.value is None:
        membership.replace(())
    else:
        _apply(operation.op, operation.value, membership)
    return True


def _apply(op: str, value: Any, membership: Membership) -> None:
    given = value if isinstance(value, list) else [] if value is None else [value]
    ids = [each.get("value") if isinstance(each, dict) else getattr(each, "value", each) for each in given]
    match op:
        case "add":
            membership.add(map(_user_id, ids))
        case "remove":
            # Who can't be a user is no member either.
            membership.remove(filter(None, map(record_id, ids)))
        case _:
            membership.replace(map(_user_id, ids))


def _is_members(attribute: str) -> bool:
    return attribute.rpartition(":")[2].lower() == "members"


def _ids(members: Iterable[GroupMember]) -> list[str]:
    return [_user_id(member.value) for member in members]


def _user_id(value: object) -> str:
    user_id = record_id(value)
    if user_id is None:
        raise InvalidValueException(detail="members: every value must be the id of a user")
    return user_id


def _ids_selected(node: FilterNode) -> list[str]:
    """The ids in `value eq "…" or value eq "…"`."""
    match node:
        case Comparison() if node.attr_path.attr.lower() == "value" and node.op == "eq":
            user_id = record_id(node.value)
            return [user_id] if user_id else []
        case LogicalExpr(op=LogicalOperator.or_):
            return [user_id for term in node.terms for user_id in _ids_selected(term)]
    raise InvalidFilterException(detail="Members are selected by value eq.")
