"""An account with all that the set says about it: what the made-up records are made from."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from crm_sales_loader.source import Account, DataSet, Deal


@dataclass(frozen=True, slots=True)
class Customer:
    """An account, its deals by id, and the agents who lead them, the busiest first."""

    account: Account
    deals: tuple[Deal, ...]
    agents: tuple[str, ...]

    @property
    def name(self) -> str:
        """The account's."""
        return self.account.name


def customers(data: DataSet) -> tuple[Customer, ...]:
    """All accounts as customers."""
    deals: dict[str, list[Deal]] = {account.name: [] for account in data.accounts}
    for deal in sorted(data.deals, key=lambda deal: deal.id):
        if deal.account is not None:
            deals[deal.account].append(deal)
    everyone = sorted(agent.name for agent in data.agents)
    return tuple(
        Customer(account, tuple(deals[account.name]), _agents(deals[account.name]) or tuple(everyone))
        for account in data.accounts
    )


def _agents(deals: Iterable[Deal]) -> tuple[str, ...]:
    counts = Counter(deal.agent for deal in deals)
    return tuple(sorted(counts, key=lambda agent: (-counts[agent], agent)))
