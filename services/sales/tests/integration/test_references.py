"""What the service hears of others' records."""

from pathlib import Path

from rotunda_customers.app import app as customers
from rotunda_gateway.access.app import app as access
from rotunda_kit.embedded import Nats, Postgres
from rotunda_kit.testing.platform import platform_of
from rotunda_kit.testing.waiting import eventually
from rotunda_sales.app import app

from .sales import Sales


class TestRename:
    async def test_a_renamed_account_is_called_so_in_the_list(
        self, postgres: Postgres, nats: Nats, tmp_path: Path
    ) -> None:
        async with platform_of(access, customers, app, postgres=postgres, nats=nats, directory=tmp_path) as platform:
            sales = Sales(platform)
            account_id = await sales.account("Acme")
            opportunity = await sales.opportunity(account_id=account_id)
            assert opportunity.account_display_name == "Acme"
            renamed = {"id": account_id, "display_name": "Acme Ltd"}
            await platform.call("rotunda.customers.v1.AccountService.UpdateAccount", account=renamed)

            async def called_so() -> bool:
                wanted = f'account_id = {account_id} AND account_display_name = "Acme Ltd"'
                answer = await sales.call("OpportunityService.ListOpportunities", filter=wanted)
                return [found.id for found in answer.opportunities] == [opportunity.id]

            await eventually(called_so)
