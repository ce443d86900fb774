"""Mails between the agents and the people at the accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from random import Random

from crm_sales_loader.generated.chance import FIRST_DAY, LAST_DAY, chance, later, office_hour
from crm_sales_loader.generated.contacts import Contact
from crm_sales_loader.generated.customers import Customer
from crm_sales_loader.records import email
from crm_sales_loader.source import Deal
from crm_sales_loader.wire import Json, external_ids, slug

COUNTS = (1, 10)
POLICY = SMTP.clone(cte_type="7bit")

SUBJECTS = ("Offer for {product}", "Delivery date of {product}", "Questions about {product}", "Meeting about {product}")
TEXTS = (
    "thank you for your interest in {product}. Please find the details attached to this thread.",
    "could you tell us when {product} can be delivered?",
    "we would like to see {product} before we decide. Would next week suit you?",
    "our purchasing department asks for a better price for {product}.",
    "as discussed on the phone: {product} is on stock, and can be with you within ten days.",
)
CATEGORIES = ((), (), ("Customer",), ("Offer",))
PRICE_LIST = "Product;Price in USD\r\n{product};on request\r\n"


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail in an agent's mailbox."""

    key: str
    agent: str
    account: str
    contact: str
    deal: str | None
    outbound: bool
    read: bool
    categories: tuple[str, ...]
    sent: datetime
    source: str

    def item(self, ids: Mapping[str, Mapping[str, str]]) -> Json:
        """One item of a batch, assigned at once; ids by noun and by what the set knows a record by."""
        item: Json = {
            "message": {
                "mailboxId": ids["mailbox"][self.agent],
                "source": self.source,
                "direction": "OUTBOUND" if self.outbound else "INBOUND",
                "read": self.read,
                "categories": list(self.categories),
                "externalIds": external_ids(self.key),
            },
            "accountId": ids["account"][self.account],
            "contactId": ids["contact"][self.contact],
        }
        if self.deal is not None:
            item["opportunityId"] = ids["opportunity"][self.deal]
        return item


def mails(customer: Customer, contacts: Sequence[Contact], products: Sequence[str]) -> tuple[Mail, ...]:
    """One to ten, in threads of one to three."""
    rng = chance(customer.name, "mails")
    count = rng.randint(*COUNTS)
    made: list[Mail] = []
    while len(made) < count:
        made += _thread(
            rng, customer, rng.choice(contacts), products, len(made) + 1, min(rng.randint(1, 3), count - len(made))
        )
    return tuple(made)


def _thread(
    rng: Random, customer: Customer, contact: Contact, products: Sequence[str], first: int, length: int
) -> list[Mail]:
    """Mails in turn between one agent and one person, each an answer to the one before."""
    deal: Deal | None = rng.choice(customer.deals) if customer.deals and rng.random() < 0.5 else None
    agent = deal.agent if deal else rng.choice(customer.agents)
    product = deal.product if deal else rng.choice(products)
    subject = rng.choice(SUBJECTS).format(product=product)
    begin = deal.engaged if deal and deal.engaged else FIRST_DAY
    sent = office_hour(rng, begin, deal.closed if deal and deal.closed else LAST_DAY)
    outbound = rng.random() < 0.5
    thread: list[Mail] = []
    references: list[str] = []
    for number in range(first, first + length):
        message = EmailMessage(policy=POLICY)
        us, them = formataddr((agent, email(agent))), formataddr((contact.name, contact.email))
        message["From"], message["To"] = (us, them) if outbound else (them, us)
        message["Subject"] = f"Re: {subject}" if references else subject
        message["Date"] = format_datetime(sent)
        message["Message-ID"] = f"<{slug(customer.name)}.{number}@crm-sales.example.com>"
        if references:
            message["In-Reply-To"] = references[-1]
            message["References"] = " ".join(references)
        references.append(message["Message-ID"])
        recipient, sender = (contact.first_name, agent) if outbound else (agent.split()[0], contact.name)
        message.set_content(
            f"Dear {recipient},\n\n{rng.choice(TEXTS).format(product=product)}\n\nKind regards\n{sender}\n"
        )
        if outbound and rng.random() < 0.25:
            message.add_attachment(PRICE_LIST.format(product=product), subtype="csv", filename="prices.csv")
            # The library would draw another one each time.
            message.set_boundary(f"=-{slug(customer.name)}-{number}")
        thread.append(
            Mail(
                key=f"{customer.name}/mail/{number}",
                agent=agent,
                account=customer.name,
                contact=contact.key,
                deal=deal.id if deal else None,
                outbound=outbound,
                read=outbound or rng.random() < 0.8,
                categories=rng.choice(CATEGORIES),
                sent=sent,
                source=message.as_string(),
            )
        )
        sent, outbound = later(rng, sent, 48), not outbound
    return thread
