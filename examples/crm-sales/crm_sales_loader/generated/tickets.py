"""What customers complained about, asked for or wanted to know after they bought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from crm_sales_loader.generated.chance import FIRST_DAY, LAST_DAY, chance, later, office_hour
from crm_sales_loader.generated.contacts import Contact
from crm_sales_loader.generated.customers import Customer
from crm_sales_loader.source import DealStage
from crm_sales_loader.wire import Json, external_ids, moment

MOST = 6
DAYS_AFTER_SALE = 200

TYPES = {"COMPLAINT": 5, "REQUEST": 3, "QUESTION": 3}
SUBJECTS = {
    "COMPLAINT": (
        "{product} does not start",
        "{product} came damaged",
        "Parts of {product} are missing",
        "{product} is too loud",
    ),
    "REQUEST": (
        "Second user manual for {product}",
        "Return of {product}",
        "Training for {product}",
        "Copy of the invoice",
    ),
    "QUESTION": ("How is {product} cleaned?", "Warranty of {product}", "Does {product} fit the older model?"),
}
RESOLUTIONS = {
    "COMPLAINT": ("Exchanged.", "Repaired on site.", "Spare part sent.", "Rejected: not covered by the warranty."),
    "REQUEST": ("Sent.", "Appointment made.", "Credit note issued."),
    "QUESTION": ("Explained on the phone.", "Sent the article from the manual."),
}
PRIORITIES = {"NORMAL": 6, "LOW": 2, "HIGH": 3, "URGENT": 1}
CHANNELS = {"EMAIL": 5, "PHONE": 5, "WEB": 3, "CHAT": 1, "LETTER": 1, "IN_PERSON": 1}
STATES = {"CLOSED": 5, "RESOLVED": 3, "OPEN": 3}


@dataclass(frozen=True, slots=True)
class Ticket:
    """One matter; `state` is where its verbs should bring it."""

    key: str
    subject: str
    type: str
    state: str
    priority: str
    channel: str
    account: str
    contact: str
    product: str
    order_number: str | None
    assignee: str | None
    reported: datetime
    resolved: datetime | None
    closed: datetime | None
    resolution: str | None

    def body(self, ids: Mapping[str, Mapping[str, str]]) -> Json:
        """As the API takes it; ids by noun and by what the set knows a record by."""
        order = {"orderNumber": self.order_number} if self.order_number else {}
        return order | {
            "displayName": self.subject,
            "type": self.type,
            "priority": self.priority,
            "channel": self.channel,
            "accountId": ids["account"][self.account],
            "contactId": ids["contact"][self.contact],
            "productId": ids["product"][self.product],
            "reportTime": moment(self.reported),
            "externalIds": external_ids(self.key),
        }

    def verbs(self, now: Json, ids: Mapping[str, Mapping[str, str]]) -> list[tuple[str, Json]]:
        """What is left to be called, in its order, with the bodies, given the ticket as it is now."""
        calls: list[tuple[str, Json]] = []
        state = now["state"]
        if self.assignee is not None and state == "OPEN" and now.get("assigneeId") != ids["user"][self.assignee]:
            calls.append(("assign", {"assigneeId": ids["user"][self.assignee]}))
        if self.resolved is not None and state == "OPEN":
            calls.append(("resolve", {"resolution": self.resolution, "resolveTime": moment(self.resolved)}))
            state = "RESOLVED"
        if self.closed is not None and state == "RESOLVED":
            calls.append(("close", {"closeTime": moment(self.closed)}))
        return calls


def tickets(customer: Customer, contacts: Sequence[Contact], products: Sequence[str]) -> tuple[Ticket, ...]:
    """Up to six, about what the account bought."""
    rng = chance(customer.name, "tickets")
    return tuple(
        _ticket(rng, customer, rng.choice(contacts), products, number) for number in range(1, rng.randint(0, MOST) + 1)
    )


def _ticket(rng: Random, customer: Customer, contact: Contact, products: Sequence[str], number: int) -> Ticket:
    # What was bought in the last days of the set can't have been complained about in it.
    sales = [
        (deal, deal.closed)
        for deal in customer.deals
        if deal.stage is DealStage.WON and deal.closed and deal.closed < LAST_DAY
    ]
    deal, sold = rng.choice(sales) if sales else (None, FIRST_DAY)
    kind = rng.choices(tuple(TYPES), tuple(TYPES.values()))[0]
    state = rng.choices(tuple(STATES), tuple(STATES.values()))[0]
    reported = office_hour(rng, *_reporting_period(sold))
    resolved = None if state == "OPEN" else later(rng, reported, 240)
    product = deal.product if deal else rng.choice(products)
    return Ticket(
        key=f"{customer.name}/ticket/{number}",
        subject=rng.choice(SUBJECTS[kind]).format(product=product),
        type=kind,
        state=state,
        priority=rng.choices(tuple(PRIORITIES), tuple(PRIORITIES.values()))[0],
        channel=rng.choices(tuple(CHANNELS), tuple(CHANNELS.values()))[0],
        account=customer.name,
        contact=contact.key,
        product=product,
        order_number=f"SO-{deal.id}" if deal else None,
        assignee=None if state == "OPEN" and rng.random() < 0.3 else rng.choice(customer.agents),
        reported=reported,
        resolved=resolved,
        closed=later(rng, resolved, 120) if resolved and state == "CLOSED" else None,
        resolution=None if state == "OPEN" else rng.choice(RESOLUTIONS[kind]),
    )


def _reporting_period(sold: date) -> tuple[date, date]:
    return sold + timedelta(days=1), min(sold + timedelta(days=DAYS_AFTER_SALE), LAST_DAY)
