"""The service desk's section of the 360 degree view."""

from datetime import timedelta
from typing import Any

from rotunda.kit.v1 import overview_service_pb2
from rotunda.service_desk.v1 import ticket_service_pb2 as pb
from rotunda_kit.model import now
from rotunda_kit.testing.platform import TestPlatform

OVERVIEWS = overview_service_pb2.DESCRIPTOR.services_by_name["OverviewService"].methods_by_name["BatchGetOverviews"]


async def account(platform: TestPlatform) -> str:
    answer = await platform.call("rotunda.customers.v1.AccountService.CreateAccount", account={"display_name": "Acme"})
    return str(answer.account.id)


async def ticket(platform: TestPlatform, account_id: str, days_ago: int) -> str:
    fields: dict[str, Any] = {
        "display_name": "Broken hinge",
        "account_id": account_id,
        "report_time": now() - timedelta(days=days_ago),
    }
    return str((await platform.call("rotunda.service_desk.v1.TicketService.CreateTicket", ticket=fields)).ticket.id)


class TestTickets:
    async def test_each_account_has_its_own_latest_reported_first(self, platform: TestPlatform) -> None:
        busy, quiet, silent = [await account(platform) for _ in range(3)]
        made = {days: await ticket(platform, busy, days) for days in (2, 5, 1, 3)}
        only = await ticket(platform, quiet, 4)
        items = [{"account_id": account_id, "token": platform.token()} for account_id in (quiet, busy, silent)]
        request = overview_service_pb2.BatchGetOverviewsRequest(items=items, page_size=3)
        answer = await platform.clients.call(OVERVIEWS, request, token=platform.token(), service="service_desk")
        shown = []
        for overview in answer.overviews:
            (section,) = overview.sections
            page = pb.ListTicketsResponse()
            assert section.data.Unpack(page)
            shown.append((section.name, [entry.id for entry in page.tickets]))
        latest = [made[days] for days in (1, 2, 3)]
        assert shown == [("tickets", [only]), ("tickets", latest), ("tickets", [])]
