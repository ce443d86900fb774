"""The set's own records as the API takes them; pure functions, ids of other records are handed in."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

from crm_sales_loader.source import Account, Agent, Deal, DealStage, Product
from crm_sales_loader.wire import Json, day, external_ids, money, slug

Ids = Mapping[str, str]

PIPELINE = "CRM Sales"
NOT_RECORDED = "NOT_RECORDED"
# In per cent; the set does not say, these are the loader's.
STAGES = {DealStage.PROSPECTING: 10, DealStage.ENGAGING: 50}
# Fixed, so that loading the pipeline again finds its stages unchanged.
STAGE_IDS = {stage: str(uuid5(NAMESPACE_URL, f"crm-sales/stages/{stage}")) for stage in STAGES}


def username(name: str) -> str:
    """What someone of the set signs in with, once an administrator gives him a password."""
    return slug(name, ".")


def email(name: str) -> str:
    """Someone's address at the company, under a domain that is reserved for examples."""
    return f"{username(name)}@example.com"


def user(name: str, team_id: str | None) -> Json:
    """An agent, in his manager's team; or a manager, who is in none but leads one."""
    return {
        "username": username(name),
        "displayName": name,
        "email": email(name),
        "teamIds": [team_id] if team_id else [],
        "externalIds": external_ids(name),
    }


def office_team(office: str) -> Json:
    """A regional office as a team at the top."""
    return {"displayName": office, "externalIds": external_ids(office)}


def manager_team_key(manager: str) -> str:
    """What the team of a manager is known by."""
    return f"team of {manager}"


def manager_team(agent: Agent, teams: Ids, users: Ids) -> Json:
    """The team of an agent's manager, below his office."""
    return {
        "displayName": f"Team {agent.manager}",
        "parentTeamId": teams[agent.office],
        "leadId": users[agent.manager],
        "externalIds": external_ids(manager_team_key(agent.manager)),
    }


def product(record: Product) -> Json:
    """A product of the catalogue."""
    return {
        "displayName": record.name,
        "productCode": slug(record.name).upper(),
        "family": record.series,
        "listPrice": money(record.price),
        "active": True,
        "externalIds": external_ids(record.name),
    }


def account(record: Account, accounts: Ids) -> Json:
    """A company; its parent is loaded already."""
    parent = {"parentAccountId": accounts[record.parent]} if record.parent is not None else {}
    return parent | {
        "displayName": record.name,
        "type": "COMPANY",
        "industry": record.sector,
        "foundedYear": record.founded_year,
        "employeeCount": record.employees,
        "annualRevenue": money(record.revenue),
        "addresses": [{"kind": "OFFICE", "countryCode": record.country}],
        "externalIds": external_ids(record.name),
    }


def pipeline() -> Json:
    """The way that the set's opportunities go; the platform's default stays what it is."""
    return {
        "displayName": PIPELINE,
        "stages": [
            {
                "id": STAGE_IDS[stage],
                "displayName": stage.value,
                "probability": probability,
                "forecastCategory": "PIPELINE",
            }
            for stage, probability in STAGES.items()
        ],
        "externalIds": external_ids(PIPELINE),
    }


def starting_stage(deal: Deal) -> DealStage:
    """Where a deal stands, or stood last. Of the closed ones the set does not say: they all were engaging."""
    return DealStage.ENGAGING if deal.stage.closed else deal.stage


def opportunity(deal: Deal, price: Decimal, accounts: Ids, users: Ids, products: Ids, pipeline_id: str) -> Json:
    """A deal. Its amount is what it brought; where it brought nothing, the list price of its product."""
    body: Json = {
        "displayName": f"{deal.product} – {deal.account}" if deal.account is not None else deal.product,
        "ownerId": users[deal.agent],
        "pipelineId": pipeline_id,
        "amount": money(price if deal.value is None else deal.value),
        "productIds": [products[deal.product]],
        "externalIds": external_ids(deal.id),
    }
    if deal.account is not None:
        body["accountId"] = accounts[deal.account]
    if deal.engaged is not None:
        body["engageDate"] = day(deal.engaged)
    return body


def closing(deal: Deal, opportunity_id: str) -> Json:
    """One item of `:batchWin` or `:batchLose`.

    Raises:
        ValueError: the deal is not closed.
    """
    if deal.closed is None:
        raise ValueError(f"{deal.id} is not closed")
    return {"id": opportunity_id, "reason": {"reasonCode": NOT_RECORDED}, "closeDate": day(deal.closed)}
