"""The order in which everything is loaded: first what others refer to."""

import asyncio
from collections import defaultdict

from crm_sales_loader import records
from crm_sales_loader.generated.activities import activities
from crm_sales_loader.generated.campaigns import CAMPAIGNS, memberships
from crm_sales_loader.generated.contacts import Contact, contacts
from crm_sales_loader.generated.customers import Customer, customers
from crm_sales_loader.generated.mails import mails
from crm_sales_loader.generated.tickets import tickets
from crm_sales_loader.loading import Loader, Noun
from crm_sales_loader.source import Account, DataSet, DealStage
from crm_sales_loader.wire import Json, external_ids

USERS = Noun("Users", "/v1/users", "user")
TEAMS = Noun("Teams", "/v1/teams", "team")
PRODUCTS = Noun("Products", "/v1/products", "product")
PIPELINES = Noun("Pipelines", "/v1/pipelines", "pipeline")
ACCOUNTS = Noun("Accounts", "/v1/accounts", "account")
OPPORTUNITIES = Noun("Opportunities", "/v1/opportunities", "opportunity", batch=1_000)
CONTACTS = Noun("Contacts", "/v1/contacts", "contact")
ACTIVITIES = Noun("Activities", "/v1/activities", "activity")
TICKETS = Noun("Tickets", "/v1/tickets", "ticket")
CAMPAIGN = Noun("Campaigns", "/v1/campaigns", "campaign")
MAILBOXES = Noun("Mailboxes", "/v1/mailboxes", "mailbox")
MESSAGES = Noun("Messages", "/v1/messages", "message", batch=250)


async def load(loader: Loader, data: DataSet) -> None:
    """Load the whole set, and what is made up around it.

    Raises:
        LoadFailed: records were refused.
        ApiError: the platform refused a call, or can't be reached.
    """
    async with asyncio.TaskGroup() as group:
        group.create_task(_organisation(loader, data))
        group.create_task(_accounts(loader, data))
        group.create_task(loader.upsert(PRODUCTS, ({"product": records.product(p)} for p in data.products)))
        group.create_task(loader.upsert(PIPELINES, [{"pipeline": records.pipeline()}]))
    everyone = customers(data)
    people = {customer.name: contacts(customer) for customer in everyone}
    async with asyncio.TaskGroup() as group:
        group.create_task(_opportunities(loader, data))
        group.create_task(_contacts(loader, people))
        group.create_task(_mailboxes(loader, data))
    names = [product.name for product in data.products]
    async with asyncio.TaskGroup() as group:
        group.create_task(_activities(loader, everyone, people, names))
        group.create_task(_tickets(loader, everyone, people, names))
        group.create_task(_campaigns(loader, everyone, people, data))
        group.create_task(_messages(loader, everyone, people, names))


async def _organisation(loader: Loader, data: DataSet) -> None:
    """Managers lead teams that are below their offices; agents are in the teams of their managers."""
    managers = {agent.manager: agent for agent in data.agents}
    offices = dict.fromkeys(agent.office for agent in data.agents)
    await loader.upsert(USERS, ({"user": records.user(name, None)} for name in managers))
    await loader.upsert(TEAMS, ({"team": records.office_team(office)} for office in offices))
    ids = loader.ids
    await loader.upsert(
        TEAMS, [{"team": records.manager_team(agent, ids["team"], ids["user"])} for agent in managers.values()]
    )
    team_of = {agent.name: ids["team"][records.manager_team_key(agent.manager)] for agent in data.agents}
    await loader.upsert(USERS, ({"user": records.user(name, team_id)} for name, team_id in team_of.items()))


async def _accounts(loader: Loader, data: DataSet) -> None:
    """Level by level: a subsidiary names the id of its parent."""
    waiting: list[Account] = list(data.accounts)
    loaded: dict[str, str] = {}
    while waiting:
        ready = [account for account in waiting if account.parent is None or account.parent in loaded]
        await loader.upsert(ACCOUNTS, [{"account": records.account(account, loaded)} for account in ready])
        loaded = loader.ids["account"]
        waiting = [account for account in waiting if account.name not in loaded]


async def _opportunities(loader: Loader, data: DataSet) -> None:
    """All are created open; then those that are won or lost in the set, and still open here, are closed."""
    ids, prices = loader.ids, data.prices
    pipeline_id = ids["pipeline"][records.PIPELINE]
    loaded = await loader.upsert(
        OPPORTUNITIES,
        (
            {
                "opportunity": records.opportunity(
                    deal, prices[deal.product], ids["account"], ids["user"], ids["product"], pipeline_id
                ),
                "stageId": records.STAGE_IDS[records.starting_stage(deal)],
            }
            for deal in data.deals
        ),
    )
    closings: defaultdict[DealStage, list[Json]] = defaultdict(list)
    for deal in data.deals:
        opportunity = loaded[deal.id]
        if deal.stage.closed and opportunity["state"] == "OPEN":
            closings[deal.stage].append(records.closing(deal, opportunity["id"]))
    async with asyncio.TaskGroup() as group:
        for stage, verb in ((DealStage.WON, "batchWin"), (DealStage.LOST, "batchLose")):
            title = f"Opportunities {stage.lower()}"
            group.create_task(loader.batch_verb(OPPORTUNITIES, verb, title, closings[stage]))


async def _contacts(loader: Loader, people: dict[str, tuple[Contact, ...]]) -> None:
    accounts, users = loader.ids["account"], loader.ids["user"]
    await loader.upsert(
        CONTACTS,
        (
            {"contact": contact.body(accounts[contact.account], users[contact.agent])}
            for group in people.values()
            for contact in group
        ),
    )


async def _mailboxes(loader: Loader, data: DataSet) -> None:
    """One an agent, known by his name."""
    await loader.upsert(
        MAILBOXES,
        (
            {
                "mailbox": {
                    "email": records.email(agent.name),
                    "displayName": agent.name,
                    "userId": loader.ids["user"][agent.name],
                    "provider": "NONE",
                    "externalIds": external_ids(agent.name),
                }
            }
            for agent in data.agents
        ),
    )


async def _activities(
    loader: Loader, everyone: tuple[Customer, ...], people: dict[str, tuple[Contact, ...]], products: list[str]
) -> None:
    made = [activity for customer in everyone for activity in activities(customer, people[customer.name], products)]
    await loader.upsert(ACTIVITIES, (activity.item(loader.ids) for activity in made))


async def _tickets(
    loader: Loader, everyone: tuple[Customer, ...], people: dict[str, tuple[Contact, ...]], products: list[str]
) -> None:
    made = [ticket for customer in everyone for ticket in tickets(customer, people[customer.name], products)]
    loaded = await loader.upsert(TICKETS, ({"ticket": ticket.body(loader.ids)} for ticket in made))
    calls: list[tuple[str, list[tuple[str, Json]]]] = []
    for ticket in made:
        now = loaded[ticket.key]
        if verbs := ticket.verbs(now, loader.ids):
            calls.append((now["id"], verbs))
    await loader.verbs(TICKETS, "Tickets worked on", calls)


async def _campaigns(
    loader: Loader, everyone: tuple[Customer, ...], people: dict[str, tuple[Contact, ...]], data: DataSet
) -> None:
    """Members come before the campaign is under way: it starts with all whom it is for."""
    managers = list(dict.fromkeys(agent.manager for agent in data.agents))
    loaded = await loader.upsert(
        CAMPAIGN, ({"campaign": c.body(loader.ids["user"][managers[c.owner]])} for c in CAMPAIGNS)
    )
    members: defaultdict[str, list[Json]] = defaultdict(list)
    for customer in everyone:
        for member in memberships(customer, people[customer.name]):
            members[member.campaign].append({"member": member.body(loader.ids)})
    async with asyncio.TaskGroup() as group:
        for name, items in members.items():
            path = f"{CAMPAIGN.path}/{loaded[name]['id']}/members"
            group.create_task(loader.upsert(Noun("Campaign members", path, "member"), items))
    calls: list[tuple[str, list[tuple[str, Json]]]] = []
    for campaign in CAMPAIGNS:
        now = loaded[campaign.name]
        if verbs := campaign.verbs(now["state"]):
            calls.append((now["id"], [(verb, {}) for verb in verbs]))
    await loader.verbs(CAMPAIGN, "Campaigns run", calls)


async def _messages(
    loader: Loader, everyone: tuple[Customer, ...], people: dict[str, tuple[Contact, ...]], products: list[str]
) -> None:
    made = [mail for customer in everyone for mail in mails(customer, people[customer.name], products)]
    await loader.upsert(MESSAGES, (mail.item(loader.ids) for mail in made))
