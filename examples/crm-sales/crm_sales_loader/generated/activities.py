"""What was done with the accounts, and what is still to be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from random import Random

from crm_sales_loader.generated.chance import FIRST_DAY, LAST_DAY, chance, later, office_hour
from crm_sales_loader.generated.contacts import Contact
from crm_sales_loader.generated.customers import Customer
from crm_sales_loader.source import Deal
from crm_sales_loader.wire import Json, external_ids, moment

COUNTS = (5, 40)
MOST_OPEN = 4
FIRST_DUE = date(2017, 10, 2)

# Kinds by how often they happen, with what they are about and what comes of them.
KINDS = {"CALL": 32, "EMAIL": 30, "VISIT": 14, "TASK": 12, "NOTE": 8, "LETTER": 4}
SUBJECTS = {
    "CALL": ("Call about {product}", "Call: prices of {product}", "Call: delivery of {product}", "Courtesy call"),
    "EMAIL": (
        "Offer for {product} sent",
        "Questions about {product}",
        "Data sheet of {product}",
        "Thanks for the meeting",
    ),
    "VISIT": ("Demonstration of {product}", "Visit to the plant", "Yearly review", "Kick-off for {product}"),
    "TASK": (
        "Prepare an offer for {product}",
        "Send samples of {product}",
        "Check the delivery date",
        "Follow up on {product}",
    ),
    "NOTE": ("Competitor met: {product} compared", "Budget for next year", "New organisation chart"),
    "LETTER": ("Season's greetings", "Contract for {product} sent", "Invitation to the trade fair"),
}
OUTCOMES = {
    "CALL": ("Wants an offer.", "Call again next month.", "No need at present.", "Left a message."),
    "EMAIL": ("Answered.", "No answer yet.", "Forwarded to purchasing."),
    "VISIT": ("Very interested.", "Asks for a second demonstration.", "Decision with the board.", "Budget confirmed."),
    "TASK": ("Done.", "Done, sent by mail."),
    "NOTE": (None,),
    "LETTER": ("Sent.",),
}
PRIORITIES = {"NORMAL": 7, "LOW": 2, "HIGH": 2}
# What may still be to be done; notes and letters are written when they are noted down.
OPEN_KINDS = ("CALL", "EMAIL", "VISIT", "TASK")


@dataclass(frozen=True, slots=True)
class Activity:
    """Something done (`completed` is set) or to be done (`due` is set)."""

    key: str
    kind: str
    subject: str
    priority: str
    account: str
    contact: str
    assignee: str
    deal: str | None
    due: datetime | None
    completed: datetime | None
    outcome: str | None

    def item(self, ids: Mapping[str, Mapping[str, str]]) -> Json:
        """One item of a batch; ids by noun and by what the set knows a record by."""
        body: Json = {
            "kind": self.kind,
            "displayName": self.subject,
            "priority": self.priority,
            "accountId": ids["account"][self.account],
            "contactId": ids["contact"][self.contact],
            "assigneeId": ids["user"][self.assignee],
            "externalIds": external_ids(self.key),
        }
        if self.deal is not None:
            body["regarding"] = {"type": "sales.opportunity", "id": ids["opportunity"][self.deal]}
        if self.due is not None:
            body["dueTime"] = moment(self.due)
        item: Json = {"activity": body}
        if self.completed is not None:
            item["completeTime"] = moment(self.completed)
        if self.outcome is not None:
            item["outcome"] = self.outcome
        return item


def activities(customer: Customer, contacts: Sequence[Contact], products: Sequence[str]) -> tuple[Activity, ...]:
    """Five to forty, of which up to four are open."""
    rng = chance(customer.name, "activities")
    count = rng.randint(*COUNTS)
    still_open = rng.randint(0, MOST_OPEN)
    return tuple(
        _activity(rng, customer, rng.choice(contacts), products, number, is_open=number > count - still_open)
        for number in range(1, count + 1)
    )


def _activity(
    rng: Random, customer: Customer, contact: Contact, products: Sequence[str], number: int, *, is_open: bool
) -> Activity:
    deal = rng.choice(customer.deals) if customer.deals and rng.random() < 0.6 else None
    kind = rng.choice(OPEN_KINDS) if is_open else rng.choices(tuple(KINDS), tuple(KINDS.values()))[0]
    product = deal.product if deal else rng.choice(products)
    completed = None if is_open else office_hour(rng, *_period(customer, deal))
    return Activity(
        key=f"{customer.name}/activity/{number}",
        kind=kind,
        subject=rng.choice(SUBJECTS[kind]).format(product=product),
        priority=rng.choices(tuple(PRIORITIES), tuple(PRIORITIES.values()))[0],
        account=customer.name,
        contact=contact.key,
        assignee=deal.agent if deal else rng.choice(customer.agents),
        deal=deal.id if deal else None,
        due=later(rng, completed, 72)
        if completed and kind == "TASK"
        else office_hour(rng, FIRST_DUE, LAST_DAY)
        if is_open
        else None,
        completed=completed,
        outcome=None if is_open else rng.choice(OUTCOMES[kind]),
    )


def _period(customer: Customer, deal: Deal | None) -> tuple[date, date]:
    """When something about the deal can have happened: while it was open."""
    if deal is None or deal.engaged is None:
        return max(FIRST_DAY, date(customer.account.founded_year, 1, 2)), LAST_DAY
    return deal.engaged, min(deal.closed or LAST_DAY, LAST_DAY)
