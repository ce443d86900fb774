"""Reads the four CSV files of the data set and mends what is wrong in them, noting each kind of oddity.

Only what is listed here is mended. Anything else that does not fit ends the load with every bad line named.
"""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from crm_sales_loader.findings import Finding, Findings

T = TypeVar("T")
Row = dict[str, str]

ACCOUNTS, PRODUCTS, TEAMS, PIPELINE = "accounts.csv", "products.csv", "sales_teams.csv", "sales_pipeline.csv"
MILLION = 1_000_000
REPORTED_LINES = 20

# As the set spells it: as the catalogue, or the rest of the world, does.
PRODUCT_SPELLINGS = {"GTXPro": "GTX Pro"}
SECTOR_SPELLINGS = {"technolgy": "technology"}
COUNTRY_CODES = {
    "Belgium": "BE",
    "Brazil": "BR",
    "China": "CN",
    "Germany": "DE",
    "Italy": "IT",
    "Japan": "JP",
    "Jordan": "JO",
    "Kenya": "KE",
    "Korea": "KR",
    "Norway": "NO",
    "Panama": "PA",
    "Philipines": "PH",
    "Poland": "PL",
    "Romania": "RO",
    "United States": "US",
}

SECTOR_MISSPELT = Finding(ACCOUNTS, "sector spelled 'technolgy'", "read as 'technology'")
COUNTRY_NAMED = Finding(ACCOUNTS, "country given by its name", "replaced by its ISO 3166-1 code")
COUNTRY_MISSPELT = Finding(ACCOUNTS, "country spelled 'Philipines'", "read as the Philippines, PH")
COUNTRY_AMBIGUOUS = Finding(ACCOUNTS, "country 'Korea', without saying which", "taken for South Korea, KR")
REVENUE_IN_MILLIONS = Finding(
    ACCOUNTS, "revenue in millions, without a currency", "times 1,000,000, in USD as the sales are"
)
PARENT_LATER = Finding(ACCOUNTS, "subsidiary that stands before its parent", "parents are loaded first")
PRODUCT_MISSPELT = Finding(PIPELINE, "product 'GTXPro', which the catalogue does not have", "read as 'GTX Pro'")
DATE_AMERICAN = Finding(PIPELINE, "date as month/day/year", "read as such, kept as a calendar date")
WITHOUT_ACCOUNT = Finding(PIPELINE, "opportunity without an account", "kept without one, named after its product alone")
WITHOUT_ENGAGE_DATE = Finding(
    PIPELINE, "opportunity without an engage date", "kept without one: it is still prospecting"
)
WITHOUT_CLOSE_DATE = Finding(
    PIPELINE, "opportunity without close date and value", "kept open, the list price as its amount"
)
LOST_WITHOUT_VALUE = Finding(
    PIPELINE, "lost opportunity of value 0", "the list price, which was at stake, as its amount"
)
WITHOUT_REASON = Finding(PIPELINE, "closed opportunity without a reason", "closed with the reason NOT_RECORDED")
WITHOUT_STAGE = Finding(
    PIPELINE, "closed opportunity without its last stage", "put into Engaging: it has an engage date"
)
OLDER_THAN_ACCOUNT = Finding(PIPELINE, "opportunity older than the year its account was founded", "kept as it is")
AGENT_WITHOUT_OPPORTUNITY = Finding(TEAMS, "agent without an opportunity", "becomes a user all the same")


class SourceError(Exception):
    """The files hold something that the loader can't read and will not guess."""


class DealStage(StrEnum):
    """The set's one notion of stage and state."""

    PROSPECTING = "Prospecting"
    ENGAGING = "Engaging"
    WON = "Won"
    LOST = "Lost"

    @property
    def closed(self) -> bool:
        """Whether there is nothing left to win."""
        return self in (DealStage.WON, DealStage.LOST)


@dataclass(frozen=True, slots=True)
class Account:
    """A company; `revenue` a year in USD, `country` by ISO 3166-1 alpha-2, `parent` by its name."""

    name: str
    sector: str
    founded_year: int
    revenue: Decimal
    employees: int
    country: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the catalogue; `price` in USD."""

    name: str
    series: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Agent:
    """Someone who sells, whom he reports to, and at which regional office."""

    name: str
    manager: str
    office: str


@dataclass(frozen=True, slots=True)
class Deal:
    """An opportunity; `value` in USD is what a won one brought. None: the set does not say."""

    id: str
    agent: str
    product: str
    account: str | None
    stage: DealStage
    engaged: date | None
    closed: date | None
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class DataSet:
    """The whole set, mended, in the order of its files; and what was mended."""

    accounts: tuple[Account, ...]
    products: tuple[Product, ...]
    agents: tuple[Agent, ...]
    deals: tuple[Deal, ...]
    findings: Findings

    @property
    def prices(self) -> dict[str, Decimal]:
        """List prices in USD by product."""
        return {product.name: product.price for product in self.products}


def read(directory: Path) -> DataSet:
    """Read and mend the four files.

    Raises:
        SourceError: a file is missing, or lines of it make no sense.
    """
    findings = Findings()
    products = _read(directory / PRODUCTS, _product)
    accounts = _read(directory / ACCOUNTS, lambda row: _account(row, findings))
    agents = _read(directory / TEAMS, lambda row: Agent(row["sales_agent"], row["manager"], row["regional_office"]))
    deals = _read(directory / PIPELINE, lambda row: _deal(row, findings))
    _check_unique(ACCOUNTS, (account.name for account in accounts))
    _check_unique(PRODUCTS, (product.name for product in products))
    _check_unique(TEAMS, (agent.name for agent in agents))
    _check_unique(PIPELINE, (deal.id for deal in deals))
    names = {account.name for account in accounts}
    _check_known(ACCOUNTS, "account", (account.parent for account in accounts), names)
    _check_known(PIPELINE, "account", (deal.account for deal in deals), names)
    _check_known(PIPELINE, "product", (deal.product for deal in deals), {product.name for product in products})
    _check_known(PIPELINE, "agent", (deal.agent for deal in deals), {agent.name for agent in agents})
    _look_across(accounts, agents, deals, findings)
    return DataSet(parents_first(accounts), products, agents, deals, findings)


def parents_first(accounts: Iterable[Account]) -> tuple[Account, ...]:
    """The same accounts, each after the one it is a subsidiary of.

    Raises:
        SourceError: accounts are each other's subsidiaries.
    """
    ordered: dict[str, Account] = {}
    waiting = list(accounts)
    while waiting:
        ready = [account for account in waiting if account.parent is None or account.parent in ordered]
        if not ready:
            raise SourceError(f"{ACCOUNTS}: subsidiaries in a circle: {', '.join(account.name for account in waiting)}")
        ordered.update((account.name, account) for account in ready)
        waiting = [account for account in waiting if account.name not in ordered]
    return tuple(ordered.values())


def _read(path: Path, convert: Callable[[Row], T]) -> tuple[T, ...]:
    """All rows of a file, converted; every bad line is named in one error."""
    records, problems = [], []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            for row in reader:
                try:
                    records.append(convert(row))
                except (ValueError, KeyError, InvalidOperation, TypeError) as error:
                    problems.append(f"{path.name}, line {reader.line_num}: {error!r}")
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: {error}") from error
    if problems:
        more = [f"and {len(problems) - REPORTED_LINES} more"] if len(problems) > REPORTED_LINES else []
        raise SourceError("\n".join(problems[:REPORTED_LINES] + more))
    return tuple(records)


def _product(row: Row) -> Product:
    return Product(row["product"], row["series"], Decimal(row["sales_price"]))


def _account(row: Row, findings: Findings) -> Account:
    country = row["office_location"]
    sector = row["sector"]
    account = Account(
        name=row["account"],
        sector=SECTOR_SPELLINGS.get(sector, sector),
        founded_year=int(row["year_established"]),
        revenue=Decimal(row["revenue"]) * MILLION,
        employees=int(row["employees"]),
        country=COUNTRY_CODES[country],
        parent=row["subsidiary_of"] or None,
    )
    findings.add(SECTOR_MISSPELT, sector in SECTOR_SPELLINGS)
    findings.add(COUNTRY_NAMED)
    findings.add(COUNTRY_MISSPELT, country == "Philipines")
    findings.add(COUNTRY_AMBIGUOUS, country == "Korea")
    findings.add(REVENUE_IN_MILLIONS)
    return account


def _deal(row: Row, findings: Findings) -> Deal:
    product = row["product"]
    deal = Deal(
        id=row["opportunity_id"],
        agent=row["sales_agent"],
        product=PRODUCT_SPELLINGS.get(product, product),
        account=row["account"] or None,
        stage=DealStage(row["deal_stage"]),
        engaged=_american_date(row["engage_date"]),
        closed=_american_date(row["close_date"]),
        value=Decimal(row["close_value"]) if row["close_value"] else None,
    )
    _check_deal(deal)
    findings.add(PRODUCT_MISSPELT, product in PRODUCT_SPELLINGS)
    findings.add(DATE_AMERICAN, (deal.engaged is not None) + (deal.closed is not None))
    findings.add(WITHOUT_ACCOUNT, deal.account is None)
    findings.add(WITHOUT_ENGAGE_DATE, deal.engaged is None)
    findings.add(WITHOUT_CLOSE_DATE, deal.closed is None)
    findings.add(WITHOUT_REASON, deal.stage.closed)
    findings.add(WITHOUT_STAGE, deal.stage.closed)
    if deal.stage is DealStage.LOST:
        findings.add(LOST_WITHOUT_VALUE)
        return replace(deal, value=None)
    return deal


def _check_deal(deal: Deal) -> None:
    """Refuse what no rule of the mending covers."""
    closing = (deal.closed, deal.value)
    if deal.stage.closed and (None in closing or deal.engaged is None):
        raise ValueError(f"{deal.id} is closed, but has no engage date, close date or value")
    if not deal.stage.closed and closing != (None, None):
        raise ValueError(f"{deal.id} is open, but has a close date or a value")
    if deal.stage is DealStage.LOST and deal.value:
        raise ValueError(f"{deal.id} is lost, but brought {deal.value}")
    if deal.stage is DealStage.ENGAGING and deal.engaged is None:
        raise ValueError(f"{deal.id} is engaging, but has no engage date")
    if deal.engaged and deal.closed and deal.closed < deal.engaged:
        raise ValueError(f"{deal.id} is closed before it began")


def _american_date(text: str) -> date | None:
    return datetime.strptime(text, "%m/%d/%Y").date() if text else None  # noqa: DTZ007 - a calendar date has no zone


def _check_unique(file: str, keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if not key or key in seen:
            raise SourceError(f"{file}: {key!r} is empty or stands there twice")
        seen.add(key)


def _check_known(file: str, kind: str, names: Iterable[str | None], known: set[str]) -> None:
    unknown = sorted({name for name in names if name is not None} - known)
    if unknown:
        raise SourceError(f"{file}: unknown {kind}: {', '.join(unknown[:REPORTED_LINES])}")


def _look_across(
    accounts: tuple[Account, ...], agents: tuple[Agent, ...], deals: tuple[Deal, ...], findings: Findings
) -> None:
    """Note what shows only when the files are read together."""
    position = {account.name: at for at, account in enumerate(accounts)}
    founded = {account.name: account.founded_year for account in accounts}
    findings.add(PARENT_LATER, sum(position[a.parent] > position[a.name] for a in accounts if a.parent is not None))
    findings.add(OLDER_THAN_ACCOUNT, sum(d.engaged.year < founded[d.account] for d in deals if d.engaged and d.account))
    findings.add(AGENT_WITHOUT_OPPORTUNITY, len({agent.name for agent in agents} - {deal.agent for deal in deals}))
