"""Who may do what: every method, for every role that comes with the product, with records of everyone."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import httpx
import pytest

from rotunda_gateway.access.roles.shipped import SHIPPED, ShippedRole
from rotunda_kit.access.permissions import Permission, permission_of

from .cast import OWNED, Cast, Member, Relation
from .decided import DECIDED
from .nouns import FIRST, MADE, new_uuid
from .records import Fields, Records
from .reflection import INNER, Catalogue, Kind, Method
from .rest import Rest
from .walk import each, path_of, records_in

# Of each service a noun whose records belong to someone.
WITNESSES = {noun.partition(".")[0]: noun for noun in reversed(OWNED) if noun != "marketing.campaign_member"}

# In which relation to a caller a record must be, that a grant with a scope is about it.
REACHED = {
    "OWN": {Relation.OWN},
    "TEAM": {Relation.OWN, Relation.MATE, Relation.BELOW},
    "TERRITORY": {Relation.OWN, Relation.TERRITORY},
    "ALL": set(Relation),
}


class Outcome(StrEnum):
    """What a caller gets."""

    DONE = "done"
    MISSING = "no role allows it"
    OUT_OF_SCOPE = "the roles allow it with other records"
    UNSEEN = "there is no such record for him"


@pytest.fixture(scope="module")
def cast(anonymous: httpx.Client, rest: Rest, records: Records, catalogue: Catalogue) -> Cast:
    return Cast(anonymous, rest, records, catalogue)


@pytest.fixture(scope="module")
def holders(cast: Cast) -> dict[str, Member]:
    """A user for each shipped role, known everywhere."""
    holders = {role.id: cast.member(role.id) for role in SHIPPED}
    cast.settle(WITNESSES)
    return holders


def scopes(role: ShippedRole, permission: Permission) -> set[str]:
    """With which scopes a role allows something: what the code under test works out, worked out the plain way."""
    found: set[str] = set()
    for resource, by_scope in role.grants.items():
        if resource in ("*", permission.resource):
            found |= {scope for scope, actions in by_scope.items() if {"*", permission.action} & set(actions.split())}
    return found


def reached(role: ShippedRole, permission: Permission, relation: Relation) -> bool:
    """Whether a record in this relation is among those that a role allows something with."""
    if relation is Relation.READ_SHARE and permission.action == "read":
        return True
    if relation is Relation.WRITE_SHARE and permission.action not in ("create", "delete"):
        return True
    return any(relation in REACHED[scope] for scope in scopes(role, permission))


def expected(role: ShippedRole, permission: Permission, relation: Relation) -> Outcome:
    """What a holder of a role must get."""
    if not scopes(role, permission):
        return Outcome.MISSING
    if reached(role, permission, relation):
        return Outcome.DONE
    reading = Permission(permission.resource, "read")
    if not scopes(role, reading):
        return Outcome.UNSEEN
    return Outcome.OUT_OF_SCOPE if reached(role, reading, relation) else Outcome.UNSEEN


def expected_of_create(role: ShippedRole, permission: Permission, relation: Relation) -> Outcome:
    """What a holder of a role must get who makes a record: his own, where he does not say whose it is."""
    wanted = expected(role, permission, Relation.OWN if relation is Relation.NOBODY else relation)
    if permission.resource == "sync.messages" and wanted is not Outcome.MISSING:
        # It names a mailbox, and one that he may not read is none.
        mailbox = expected(role, Permission("sync.mailboxes", "read"), relation)
        if mailbox is not Outcome.DONE:
            return Outcome.UNSEEN
    return Outcome.OUT_OF_SCOPE if wanted is Outcome.UNSEEN else wanted


def outcome(response: httpx.Response) -> Outcome:
    """What a holder of a role got, in a batch of one for its item."""
    content = response.json()
    if response.is_success:
        results = content.get("results") or [{}]
        if "error" not in results[0]:
            return Outcome.DONE
        content = results[0]["error"]
    reason = content["reason"]
    if reason == "PERMISSION_MISSING":
        return Outcome.MISSING
    if reason == "OUT_OF_SCOPE":
        return Outcome.OUT_OF_SCOPE
    if reason == "NOT_DELETED":
        # He could, were it in the recycle bin.
        return Outcome.DONE
    named = [error["field"] for error in content.get("errors", [])]
    assert reason.endswith("_NOT_FOUND") or named == ["mailboxId"], content
    return Outcome.UNSEEN


# What can be done with the same record as often as one likes.
REPEATABLE = {Kind.GET, Kind.GET_SINGLETON, Kind.UNDELETE, Kind.UPSERT, Kind.UPDATE, Kind.BATCH_UPDATE}


class Try:
    """Calls a method with a record as someone."""

    def __init__(self, method: Method, rest: Rest, records: Records, catalogue: Catalogue, cast: Cast) -> None:
        self.method = method
        self._rest = rest
        self._records = records
        self._catalogue = catalogue
        self._cast = cast

    def __call__(self, relation: Relation, caller: Member, *, fresh: bool) -> Outcome:
        """What he gets; `fresh` where the record may be changed by it."""
        method = self.method
        match method.kind:
            case Kind.CREATE | Kind.BATCH_CREATE:
                return self._create(relation, caller)
            case Kind.LIST:
                return self._list(relation, caller)
        fresh = fresh and method.kind not in REPEATABLE
        record = self._cast.record(method.noun, relation, caller, fresh=fresh)
        if fresh:
            record = self._prepared(record)
        variables, body = path_of(self._single, record), self._body(record)
        if method.kind is Kind.BATCH_UPDATE:
            variables, body = path_of(method, record), {"requests": [self._update(record)]}
        if method.kind is Kind.UPSERT:
            variables, body = {}, {"requests": [self._upsert(record)]}
        if method.kind is Kind.BATCH_VERB:
            variables, body = {}, {"requests": [{"id": record["id"], **(body or {})}]}
        return outcome(self._rest.send(method, variables, body, token=caller.token))

    @property
    def _single(self) -> Method:
        return self._records.verb_of(self.method) if self.method.kind is Kind.BATCH_VERB else self.method

    def _prepared(self, record: Fields) -> Fields:
        for name in FIRST.get(self._single.descriptor.name, ()):
            before = self._catalogue.called(name)
            record = self._rest.ok(before, {"id": record["id"]}, self._records.verb_body(before, record))
        return record

    def _body(self, record: Fields) -> Any:
        if self.method.kind is Kind.UPDATE:
            name, value = self._records.changes(self.method.noun, record)[0]
            return {name: value}
        if self.method.kind in (Kind.VERB, Kind.BATCH_VERB):
            return self._records.verb_body(self._single, record)
        return None

    def _update(self, record: Fields) -> Fields:
        name, value = self._records.changes(self.method.noun, record)[0]
        return {"id": record["id"], self._records.resource_name(self.method.noun): {name: value}}

    def _upsert(self, record: Fields) -> Fields:
        account = self._records.get("customers.account", record["accountId"])
        facts = {"asOfTime": "2026-02-01T08:00:00Z", "creditStatus": "WARNING"}
        return {"externalId": account["externalIds"][0], "erpFacts": facts}

    def _create(self, relation: Relation, caller: Member) -> Outcome:
        variables, body = self._cast.input(self.method.noun, relation, caller)
        if self.method.kind is Kind.BATCH_CREATE:
            body = {"requests": [{self._records.resource_name(self.method.noun): body}]}
        return outcome(self._rest.send(self.method, variables, body, token=caller.token))

    def _list(self, relation: Relation, caller: Member) -> Outcome:
        record = self._cast.record(self.method.noun, relation, caller)
        response = self._rest.send(
            self.method, path_of(self.method, record), query={"filter": f'id = "{record["id"]}"'}, token=caller.token
        )
        got = outcome(response)
        if got is Outcome.DONE and not records_in(response.json()):
            return Outcome.UNSEEN
        return got


def relations(cast: Cast, noun: str) -> Iterator[Relation]:
    return (relation for relation in Relation if cast.has(noun, relation))


def needed(method: Method) -> Permission:
    """What a method needs."""
    permission = permission_of(method.descriptor, "customers")
    assert permission is not None
    return permission


def is_owned(method: Method) -> bool:
    return method.noun in OWNED or method.noun in MADE


def is_not_owned(method: Method) -> bool:
    return not is_owned(method)


EVERY_KIND = [kind for kind in Kind if kind not in (*INNER, Kind.CONTRACT)]


class TestAccess:
    @each(*EVERY_KIND, where=is_owned)
    def test_roles_decide_with_which_records(
        self,
        method: Method,
        rest: Rest,
        records: Records,
        catalogue: Catalogue,
        cast: Cast,
        holders: dict[str, Member],
    ) -> None:
        attempt = Try(method, rest, records, catalogue, cast)
        permission = needed(method)
        wrong = []
        for role in SHIPPED:
            for relation in relations(cast, method.noun):
                wanted = expected(role, permission, relation)
                if method.kind in (Kind.CREATE, Kind.BATCH_CREATE):
                    wanted = expected_of_create(role, permission, relation)
                got = attempt(relation, holders[role.id], fresh=wanted is Outcome.DONE)
                if got is not wanted:
                    wrong.append(f"{role.display_name}, {relation}: {got}, not: {wanted}")
        assert not wrong

    @each(*EVERY_KIND, where=is_not_owned)
    def test_roles_decide_about_what_belongs_to_all(
        self, method: Method, rest: Rest, records: Records, holders: dict[str, Member]
    ) -> None:
        permission = needed(method)
        for role in SHIPPED:
            allowed = "ALL" in scopes(role, permission)
            if allowed:
                continue
            variables = records.parent(method.noun) | (
                {"id": records.shared(method.noun)["id"]} if "id" in method.variables else {}
            )
            response = rest.send(method, variables, _any_body(method, records), token=holders[role.id].token)
            assert outcome(response) is Outcome.MISSING, role.display_name

    @each(Kind.GET, Kind.LIST, where=is_not_owned)
    def test_who_may_read_what_belongs_to_all_reads_it(
        self, method: Method, rest: Rest, records: Records, holders: dict[str, Member]
    ) -> None:
        record = records.shared(method.noun)
        for role in SHIPPED:
            if "ALL" in scopes(role, needed(method)):
                response = rest.send(method, path_of(method, record), token=holders[role.id].token)
                assert outcome(response) is Outcome.DONE, role.display_name

    def test_every_method_was_decided_about(self, catalogue: Catalogue) -> None:
        permissions: dict[str, set[str]] = {}
        for method in catalogue.methods.values():
            permission = permission_of(method.descriptor, "customers")
            if permission is not None:
                permissions.setdefault(permission.resource, set()).add(permission.action)
        undecided = {
            f"{resource}.{action}"
            for resource, actions in permissions.items()
            for action in actions - DECIDED.get(resource, set())
        }
        assert not undecided, "say in decided.py, and in the shipped roles, who may do this"


def _any_body(method: Method, records: Records) -> Any:
    """A body that is well made, for who is refused before anyone looks further."""
    match method.kind:
        case Kind.CREATE:
            return records.body(method.noun)
        case Kind.BATCH_CREATE:
            return {"requests": [records.item(method.noun)]}
        case Kind.BATCH_UPDATE:
            return {"requests": [{"id": new_uuid(), records.resource_name(method.noun): {}}]}
        case Kind.VERB:
            return records.verb_body(method, records.shared(method.noun))
    return {} if method.kind is Kind.UPDATE else None
