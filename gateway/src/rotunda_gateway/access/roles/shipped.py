"""The roles that come with the product. They can't be changed, but copied; a new release may change them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rotunda_gateway.access.roles.model import Role
from rotunda_kit.db.engine import Database
from rotunda_kit.db.unit_of_work import unit_of_work
from rotunda_kit.identity import ADMINISTRATOR

OWN, TEAM, TERRITORY, ALL = "OWN", "TEAM", "TERRITORY", "ALL"
HIDDEN, MASKED = "HIDDEN", "MASKED"

Grants = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class ShippedRole:
    """One role: for each resource, the scopes and the actions that they are for; and the fields that are kept back."""

    id: str
    display_name: str
    description: str
    grants: Grants
    restrictions: dict[str, dict[str, str]]

    def values(self) -> dict[str, Any]:
        """As the mapped class has it."""
        return {
            "display_name": self.display_name,
            "description": self.description,
            "grants": [
                {"resource": resource, "actions": actions.split(), "scope": f"SCOPE_{scope}"}
                for resource, by_scope in self.grants.items()
                for scope, actions in by_scope.items()
            ],
            "field_restrictions": [
                {"resource": resource, "field": name, "visibility": f"VISIBILITY_{visibility}"}
                for resource, fields in self.restrictions.items()
                for name, visibility in fields.items()
            ],
            "shipped": True,
        }


def _id(number: int) -> str:
    return f"{ADMINISTRATOR[:-1]}{number}"


# Whom one works with.
_COLLEAGUES: Grants = {
    f"access.{resource}": {ALL: "read"} for resource in ("users", "teams", "groups", "roles", "territories")
}
_CATALOGUE: Grants = {f"sales.{resource}": {ALL: "read"} for resource in ("products", "pipelines", "closeReasons")}
_DEAL = "update moveToStage win lose cancel reopen"

SHIPPED = (
    ShippedRole(ADMINISTRATOR, "Administrator", "May do everything.", {"*": {ALL: "*"}}, {}),
    ShippedRole(
        _id(2),
        "Sales manager",
        "Leads a team: does with its customers and deals what its members may do with their own.",
        {
            "customers.accounts": {TEAM: "*", TERRITORY: "read update"},
            "customers.contacts": {TEAM: "*", TERRITORY: "read update"},
            "customers.erpFacts": {TEAM: "read", TERRITORY: "read"},
            "customers.activities": {TEAM: "*", TERRITORY: "read"},
            "customers.shares": {ALL: "*"},
            "sales.opportunities": {TEAM: "*", TERRITORY: "read"},
            "sales.shares": {ALL: "*"},
            **_CATALOGUE,
            "sales.products": {ALL: "read create update"},
            "service_desk.tickets": {ALL: "read create"},
            "marketing.campaigns": {ALL: "read"},
            "marketing.campaignMembers": {ALL: "read"},
            "sync.mailboxes": {OWN: "*"},
            "sync.messages": {OWN: "*"},
            **_COLLEAGUES,
        },
        {},
    ),
    ShippedRole(
        _id(3),
        "Sales representative",
        "Sees the customers and deals of the team, and works on the own ones.",
        {
            "customers.accounts": {OWN: "create update", TEAM: "read", TERRITORY: "read"},
            "customers.contacts": {OWN: "create update", TEAM: "read", TERRITORY: "read"},
            "customers.erpFacts": {TEAM: "read", TERRITORY: "read"},
            "customers.activities": {OWN: "update complete delegate delete", TEAM: "read create", TERRITORY: "read"},
            "customers.shares": {ALL: "*"},
            "sales.opportunities": {OWN: f"create {_DEAL}", TEAM: "read", TERRITORY: "read"},
            "sales.shares": {ALL: "*"},
            **_CATALOGUE,
            "service_desk.tickets": {ALL: "read create"},
            "marketing.campaigns": {ALL: "read"},
            "marketing.campaignMembers": {ALL: "read"},
            "sync.mailboxes": {OWN: "*"},
            "sync.messages": {OWN: "*"},
            **_COLLEAGUES,
        },
        {},
    ),
    ShippedRole(
        _id(4),
        "Service agent",
        "Works on tickets of all customers, and sees what he needs for it.",
        {
            "customers.accounts": {ALL: "read create update"},
            "customers.contacts": {ALL: "read create update"},
            "customers.activities": {TEAM: "update complete delegate", ALL: "read create"},
            "sales.opportunities": {ALL: "read"},
            **_CATALOGUE,
            "service_desk.tickets": {ALL: "read create update assign resolve close reopen"},
            "service_desk.shares": {ALL: "*"},
            "sync.mailboxes": {TEAM: "read"},
            "sync.messages": {TEAM: "read create update assign"},
            **_COLLEAGUES,
        },
        {"customers.accounts": {"annual_revenue": HIDDEN}, "sales.opportunities": {"amount": HIDDEN}},
    ),
    ShippedRole(
        _id(5),
        "Marketing manager",
        "Runs campaigns for all customers.",
        {
            "customers.accounts": {ALL: "read"},
            "customers.contacts": {ALL: "read update"},
            "customers.activities": {OWN: "update complete delegate delete", ALL: "read create"},
            "sales.opportunities": {ALL: "read"},
            **_CATALOGUE,
            "marketing.campaigns": {ALL: "*"},
            "marketing.campaignMembers": {ALL: "*"},
            "marketing.shares": {ALL: "*"},
            "sync.mailboxes": {OWN: "*"},
            "sync.messages": {OWN: "*"},
            **_COLLEAGUES,
        },
        {},
    ),
    ShippedRole(
        _id(6),
        "Auditor",
        "Reads everything, changes nothing; how to reach a person stays masked.",
        {"*": {ALL: "read"}},
        {
            "customers.accounts": {"phones": MASKED, "emails": MASKED},
            "customers.contacts": {"phones": MASKED, "email": MASKED, "addresses": MASKED},
            "access.users": {"email": MASKED},
        },
    ),
    ShippedRole(
        _id(7),
        "Integration",
        "For machines, such as an ERP or a web shop: reads and writes business records.",
        {
            "customers.accounts": {ALL: "read create update"},
            "customers.contacts": {ALL: "read create update"},
            "customers.activities": {ALL: "read create update complete"},
            "customers.erpFacts": {ALL: "read upsert"},
            "sales.products": {ALL: "read create update"},
            "sales.pipelines": {ALL: "read"},
            "sales.closeReasons": {ALL: "read"},
            "sales.opportunities": {ALL: f"read create {_DEAL}"},
            "service_desk.tickets": {ALL: "read create update resolve close"},
            "marketing.campaigns": {ALL: "read"},
            "marketing.campaignMembers": {ALL: "read create update"},
            "sync.mailboxes": {ALL: "read"},
            "sync.messages": {ALL: "read create assign"},
            **_COLLEAGUES,
        },
        {},
    ),
    ShippedRole(
        _id(8),
        "User provisioning",
        "For identity providers: keeps users and groups as the organisation's directory has them.",
        {
            "access.users": {ALL: "read create update delete"},
            "access.groups": {ALL: "read create update delete addMembers removeMembers"},
            "access.roles": {ALL: "read assign"},
        },
        {},
    ),
)


async def ship_roles(database: Database, roles: Iterable[ShippedRole] = SHIPPED) -> None:
    """Make the roles that come with the product what this release has; does nothing where they are."""
    async with unit_of_work(database, "system") as work:
        known = {
            role.id: role for role in await work.session.scalars(select(Role).where(Role.shipped).with_for_update())
        }
        for shipped in roles:
            role = known.get(UUID(shipped.id))
            if role is None:
                work.session.add(Role(id=UUID(shipped.id), **shipped.values()))
            else:
                for name, value in shipped.values().items():
                    if getattr(role, name) != value:
                        setattr(role, name, value)


async def missing_roles(connection: AsyncConnection) -> str:
    """The names of the roles that come with the product and have not been made yet."""
    there = set(await connection.scalars(select(Role.id).where(Role.shipped)))
    return ", ".join(f"role {role.display_name}" for role in SHIPPED if UUID(role.id) not in there)
