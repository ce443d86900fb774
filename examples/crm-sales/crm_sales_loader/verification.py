"""Does the platform say what the data set is known to say?"""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from crm_sales_loader.api import Client
from crm_sales_loader.wire import CURRENCY, amount, key_of

EXPECTED = {
    "won": Decimal(4_238),
    "lost": Decimal(2_473),
    "open in Engaging": Decimal(1_589),
    "open in Prospecting": Decimal(500),
    f"won in {CURRENCY}": Decimal("10005534.00"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: as the set has it, and as the platform says it is."""

    name: str
    expected: Decimal
    found: Decimal

    @property
    def agrees(self) -> bool:
        """Whether both say the same."""
        return self.expected == self.found


async def figures(client: Client, pipeline_id: str) -> list[Figure]:
    """Count the set's opportunities as the public API lists them."""
    found: Counter[str] = Counter()
    total = Decimal(0)
    filtered = {"filter": f'pipelineId = "{pipeline_id}"', "orderBy": "id"}
    async for page in client.pages("/v1/opportunities", "opportunities", filtered):
        for opportunity in page:
            if key_of(opportunity) is None:
                continue
            state = opportunity["state"]
            found[f"open in {opportunity['stageDisplayName']}" if state == "OPEN" else state.lower()] += 1
            if state == "WON" and opportunity["amount"]["currencyCode"] == CURRENCY:
                total += amount(opportunity["amount"])
    values = {**{name: Decimal(count) for name, count in found.items()}, f"won in {CURRENCY}": total}
    return [Figure(name, expected, values.get(name, Decimal(0))) for name, expected in EXPECTED.items()]
