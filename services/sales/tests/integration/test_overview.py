"""The sales service's section of the 360 degree view."""

from rotunda.kit.v1 import overview_service_pb2
from rotunda.sales.v1 import opportunity_service_pb2 as pb

from .sales import Sales

OVERVIEWS = overview_service_pb2.DESCRIPTOR.services_by_name["OverviewService"].methods_by_name["BatchGetOverviews"]


class TestOpportunities:
    async def test_each_account_has_its_own_newest_first(self, sales: Sales) -> None:
        busy, quiet, silent = [await sales.account() for _ in range(3)]
        made = [(await sales.opportunity(account_id=busy)).id for _ in range(4)]
        only = await sales.closed("Lose", account_id=quiet)
        deleted = await sales.opportunity(account_id=quiet)
        await sales.call("OpportunityService.DeleteOpportunity", id=deleted.id)
        token = sales.platform.token()
        items = [{"account_id": account_id, "token": token} for account_id in (quiet, busy, silent)]
        request = overview_service_pb2.BatchGetOverviewsRequest(items=items, page_size=3)
        answer = await sales.platform.clients.call(OVERVIEWS, request, token=token, service="sales")
        shown = []
        for overview in answer.overviews:
            (section,) = overview.sections
            page = pb.ListOpportunitiesResponse()
            assert section.name == "opportunities"
            assert section.data.Unpack(page)
            shown.append(list(page.opportunities))
        assert shown[0] == [only]
        assert [opportunity.id for opportunity in shown[1]] == made[:0:-1]
        assert shown[2] == []
