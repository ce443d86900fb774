"""A few campaigns of the two years, and which accounts they were for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random

from crm_sales_loader.generated.chance import chance
from crm_sales_loader.generated.contacts import Contact
from crm_sales_loader.generated.customers import Customer
from crm_sales_loader.wire import Json, day, external_ids, money

MEMBERSHIPS = (1, 3)

# How a campaign comes from one state into another; a campaign that stands elsewhere is left alone.
PATHS = {
    "DRAFT": (),
    "PLANNED": (("DRAFT", "plan"),),
    "RUNNING": (("DRAFT", "plan"), ("PLANNED", "start")),
    "PAUSED": (("DRAFT", "plan"), ("PLANNED", "start"), ("RUNNING", "pause")),
    "COMPLETED": (("DRAFT", "plan"), ("PLANNED", "start"), ("RUNNING", "complete")),
    "CANCELLED": (("DRAFT", "plan"), ("PLANNED", "cancel")),
}
STATUSES = {
    "DRAFT": ("TARGETED",),
    "PLANNED": ("TARGETED",),
    "RUNNING": ("TARGETED", "CONTACTED", "CONTACTED", "RESPONDED"),
    "PAUSED": ("TARGETED", "CONTACTED", "RESPONDED"),
    "COMPLETED": ("CONTACTED", "CONTACTED", "CONTACTED", "RESPONDED"),
    "CANCELLED": ("TARGETED",),
}


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign; `sectors` are those it is for, none for all; `owner` is the position among the managers."""

    name: str
    kind: str
    state: str
    first_day: date
    last_day: date
    budget: int
    owner: int
    sectors: tuple[str, ...] = ()

    def body(self, owner_id: str) -> Json:
        """As the API takes it."""
        return {
            "displayName": self.name,
            "kind": self.kind,
            "startDate": day(self.first_day),
            "endDate": day(self.last_day),
            "budget": money(Decimal(self.budget)),
            "ownerId": owner_id,
            "externalIds": external_ids(self.name),
        }

    def verbs(self, state: str) -> list[str]:
        """What is left to be called, given the state as it is now."""
        path = PATHS[self.state]
        start = next((at for at, (before, _) in enumerate(path) if before == state), len(path))
        return [verb for _, verb in path[start:]]


CAMPAIGNS = (
    Campaign("GTX launch mailing 2016", "EMAIL", "COMPLETED", date(2016, 10, 3), date(2016, 11, 11), 12_000, 0),
    Campaign("Season's greetings 2016", "LETTER", "COMPLETED", date(2016, 12, 1), date(2016, 12, 16), 4_500, 1),
    Campaign("Medical fair 2017", "EVENT", "COMPLETED", date(2017, 3, 6), date(2017, 3, 9), 38_000, 2, ("medical",)),
    Campaign("MG phone campaign 2017", "PHONE", "PAUSED", date(2017, 6, 1), date(2017, 12, 29), 9_000, 3),
    Campaign("Retail round table", "EVENT", "CANCELLED", date(2017, 9, 18), date(2017, 9, 19), 7_500, 4, ("retail",)),
    Campaign("GTK 500 for engineers", "ADVERTISEMENT", "RUNNING", date(2017, 10, 2), date(2017, 12, 29), 25_000, 5,
             ("technology", "software")),
    Campaign("Season's greetings 2017", "LETTER", "PLANNED", date(2017, 12, 4), date(2017, 12, 15), 4_500, 1),
    Campaign("GTX Plus upgrade offer", "EMAIL", "DRAFT", date(2017, 12, 18), date(2017, 12, 29), 6_000, 0),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """A person at an account that a campaign is for."""

    key: str
    campaign: str
    account: str
    contact: str
    status: str

    def body(self, ids: Mapping[str, Mapping[str, str]]) -> Json:
        """As the API takes it; ids by noun and by what the set knows a record by."""
        return {
            "accountId": ids["account"][self.account],
            "contactId": ids["contact"][self.contact],
            "status": self.status,
            "externalIds": external_ids(self.key),
        }


def memberships(customer: Customer, contacts: Sequence[Contact]) -> tuple[Member, ...]:
    """The one to three campaigns that were for an account."""
    rng = chance(customer.name, "campaigns")
    fitting = [
        campaign for campaign in CAMPAIGNS if not campaign.sectors or customer.account.sector in campaign.sectors
    ]
    return tuple(
        _member(rng, customer, campaign, contacts) for campaign in rng.sample(fitting, rng.randint(*MEMBERSHIPS))
    )


def _member(rng: Random, customer: Customer, campaign: Campaign, contacts: Sequence[Contact]) -> Member:
    return Member(
        key=f"{customer.name}/campaign/{campaign.name}",
        campaign=campaign.name,
        account=customer.name,
        contact=rng.choice(contacts).key,
        status=rng.choice(STATUSES[campaign.state]),
    )
