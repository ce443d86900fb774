"""Users who stand in a tree of teams and a tree of territories, and records that belong to each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx

from rotunda_kit.access.permissions import ownership_of
from rotunda_kit.descriptors import behaviours, json_path, rules

from .nouns import MADE, erp_facts, new_uuid
from .patience import seconds_until
from .records import Fields, Records
from .reflection import Catalogue, Kind, Method
from .rest import Rest

PASSWORD = "correct horse battery"

OWNED = (
    "customers.account",
    "customers.contact",
    "customers.activity",
    "sales.opportunity",
    "service_desk.ticket",
    "marketing.campaign",
    "marketing.campaign_member",
    "sync.mailbox",
    "sync.message",
)


class Relation(StrEnum):
    """Whose a record is, seen from a caller in the team in the middle of the tree, who works a territory."""

    OWN = "own"
    MATE = "of the same team"
    BELOW = "of a team below"
    BESIDE = "of a team beside"
    ABOVE = "of the team above"
    STRANGER = "of no team"
    NOBODY = "nobody's"
    TERRITORY = "in the caller's territory"
    READ_SHARE = "shared for reading"
    WRITE_SHARE = "shared for writing"


@dataclass(frozen=True, slots=True)
class Member:
    """A user who signed in."""

    id: str
    token: str


class Cast:
    """Makes the trees, the users and the records.

    Args:
        anonymous: to sign in.
        rest: signed in as the administrator.
        records: made by him.
        catalogue: of all methods.
    """

    def __init__(self, anonymous: httpx.Client, rest: Rest, records: Records, catalogue: Catalogue) -> None:
        self._anonymous = anonymous
        self._rest = rest
        self._records = records
        self._catalogue = catalogue
        self._kept: dict[tuple[str, Relation, str], Fields] = {}
        create = records.create
        self.head = create("access.team")["id"]
        self.team = create("access.team", parentTeamId=self.head)["id"]
        below = create("access.team", parentTeamId=self.team)["id"]
        further_below = create("access.team", parentTeamId=below)["id"]
        beside = create("access.team", parentTeamId=self.head)["id"]
        self.territory = create("access.territory")["id"]
        part = create("access.territory", parentTerritoryId=self.territory)["id"]
        teams = {
            Relation.MATE: [self.team],
            Relation.BELOW: [further_below],
            Relation.BESIDE: [beside],
            Relation.ABOVE: [self.head],
            Relation.STRANGER: [],
        }
        self.owners = {relation: create("access.user", teamIds=ids)["id"] for relation, ids in teams.items()}
        self.account_in_territory = create("customers.account", territoryId=part, ownerId=self.owners[Relation.BESIDE])[
            "id"
        ]

    def member(self, *role_ids: str, **fields: Any) -> Member:
        """A new user in the team in the middle, who works the territory."""
        given = {"teamIds": [self.team], "territoryIds": [self.territory], "roleIds": role_ids, **fields}
        user = self._records.create("access.user", password=PASSWORD, **given)
        form = {"username": user["username"], "password": PASSWORD}
        answer = self._anonymous.post("/v1/auth/token", data=form).raise_for_status().json()
        return Member(user["id"], answer["access_token"])

    def settle(self, noun_of: Mapping[str, str]) -> None:
        """Wait until every service has heard of all that was made so far.

        Args:
            noun_of: for each service a noun of its own whose records belong to someone.
        """
        grants = [{"resource": "*", "actions": ["read"], "scope": scope} for scope in ("TEAM", "TERRITORY")]
        witness = self.member(self._records.create("access.role", grants=grants)["id"])
        for noun in noun_of.values():
            record = self.record(noun, Relation.BELOW, witness)
            get = self._catalogue.of(noun, Kind.GET)
            seconds_until(lambda get=get, record=record: self._sees(get, record, witness), 30)  # type: ignore[misc]

    def _sees(self, get: Method, record: Fields, witness: Member) -> bool:
        return self._rest.send(get, {"id": record["id"]}, token=witness.token).is_success

    def record(self, noun: str, relation: Relation, caller: Member, *, fresh: bool = False) -> Fields:
        """A record of an owned noun that is in this relation to a caller; the same one every time unless `fresh`."""
        of = caller.id if relation in (Relation.OWN, Relation.READ_SHARE, Relation.WRITE_SHARE) else ""
        key = (noun, relation, of)
        if fresh or key not in self._kept:
            record = self._make(noun, relation, caller)
            if fresh:
                return record
            self._kept[key] = record
        return self._kept[key]

    def _make(self, noun: str, relation: Relation, caller: Member) -> Fields:
        if noun in MADE:
            account = self._make("customers.account", relation, caller)
            named = {"externalIds": [{"system": "erp", "id": new_uuid()}]}
            update = self._catalogue.of("customers.account", Kind.UPDATE)
            return erp_facts(self._records, self._rest.ok(update, {"id": account["id"]}, named))
        create = self._catalogue.of(noun, Kind.CREATE)
        variables, body = self.input(noun, relation, caller)
        record: Fields = self._rest.ok(create, variables, body)
        declared = ownership_of(create.resource)
        assert declared is not None, noun
        owner = self._owner(relation, caller)
        if declared.owner and _is_read_only(create, declared.owner) and owner:
            # A verb says whose it is.
            assign = self._catalogue.called(f"Assign{create.resource.name}")
            record = self._rest.ok(assign, {"id": record["id"]}, {json_path(declared.owner): owner})
        if relation in (Relation.READ_SHARE, Relation.WRITE_SHARE) and not declared.parent:
            level = "READ" if relation is Relation.READ_SHARE else "WRITE"
            share = {"record": {"type": noun, "id": record["id"]}, "userId": caller.id, "level": level}
            self._rest.ok(self._catalogue.called("CreateShare"), {}, share)
        return record

    def _owner(self, relation: Relation, caller: Member) -> str | None:
        return caller.id if relation is Relation.OWN else self.owners.get(_owner(relation))

    def input(self, noun: str, relation: Relation, caller: Member) -> tuple[dict[str, str], Fields]:
        """Path variables and body of a create that makes a record in this relation to a caller."""
        method = self._catalogue.of(noun, Kind.CREATE)
        declared = ownership_of(method.resource)
        assert declared is not None, noun
        body = self._records.body(noun)
        variables: dict[str, str] = {}
        if declared.parent:
            parent = self._parent_noun(noun, method, declared.parent)
            parent_id = self.record(parent, relation, caller)["id"]
            if declared.parent in method.variables:
                variables[declared.parent] = parent_id
            else:
                body[json_path(declared.parent)] = parent_id
        if declared.owner:
            owner = self._owner(relation, caller)
            if owner and not _is_read_only(method, declared.owner):
                body[json_path(declared.owner)] = owner
        if relation is Relation.TERRITORY:
            if declared.territory:
                account = self._rest.ok(
                    self._catalogue.of("customers.account", Kind.GET), {"id": self.account_in_territory}
                )
                body[json_path(declared.territory)] = account["territoryId"]
            elif declared.account:
                body[json_path(declared.account)] = self.account_in_territory
        return variables, body

    def _parent_noun(self, noun: str, method: Method, field: str) -> str:
        named = rules(method.resource.fields_by_name[field]).refers_to
        return named or f"{noun.partition('.')[0]}.{field.removesuffix('_id')}"

    def has(self, noun: str, relation: Relation) -> bool:
        """Whether records of a noun can be in this relation to someone."""
        if noun in MADE:
            return True
        declared = ownership_of(self._catalogue.of(noun, Kind.CREATE).resource)
        assert declared is not None, noun
        return relation is not Relation.TERRITORY or bool(declared.territory or declared.account)


def _is_read_only(method: Method, field: str) -> bool:
    return "OUTPUT_ONLY" in behaviours(method.resource.fields_by_name[field])


def _owner(relation: Relation) -> Relation:
    if relation is Relation.TERRITORY:
        return Relation.BESIDE
    return Relation.STRANGER if relation in (Relation.READ_SHARE, Relation.WRITE_SHARE) else relation
