"""Marketing's section of the 360 degree view."""

from collections.abc import Awaitable, Callable

from rotunda.kit.v1 import overview_service_pb2
from rotunda.marketing.v1 import campaign_service_pb2 as pb
from rotunda_kit.testing.platform import TestPlatform

OVERVIEWS = overview_service_pb2.DESCRIPTOR.services_by_name["OverviewService"].methods_by_name["BatchGetOverviews"]
CAMPAIGNS = "rotunda.marketing.v1.CampaignService"
MEMBERS = "rotunda.marketing.v1.CampaignMemberService"

New = Callable[[], Awaitable[str]]


async def campaign(platform: TestPlatform) -> str:
    usual = {"display_name": "Fair", "kind": "CAMPAIGN_KIND_EVENT"}
    return str((await platform.call(f"{CAMPAIGNS}.CreateCampaign", campaign=usual)).campaign.id)


async def join(platform: TestPlatform, campaign_id: str, **who: str) -> str:
    answer = await platform.call(f"{MEMBERS}.CreateCampaignMember", campaign_id=campaign_id, member=who)
    return str(answer.member.id)


async def shown(platform: TestPlatform, *accounts: str) -> list[list[pb.Campaign]]:
    """The campaigns of each account, at most three."""
    items = [{"account_id": account_id, "token": platform.token()} for account_id in accounts]
    request = overview_service_pb2.BatchGetOverviewsRequest(items=items, page_size=3)
    answer = await platform.clients.call(OVERVIEWS, request, token=platform.token(), service="marketing")
    found = []
    for overview in answer.overviews:
        (section,) = overview.sections
        page = pb.ListCampaignsResponse()
        assert section.name == "campaigns"
        assert section.data.Unpack(page)
        found.append(list(page.campaigns))
    return found


class TestCampaigns:
    async def test_each_account_has_its_own_newest_first(self, platform: TestPlatform, new_account: New) -> None:
        busy, quiet, silent = [await new_account() for _ in range(3)]
        campaigns = [await campaign(platform) for _ in range(5)]
        for campaign_id in (campaigns[2], campaigns[0], campaigns[3], campaigns[1]):
            await join(platform, campaign_id, account_id=busy)
        await join(platform, campaigns[4], account_id=quiet)
        ids = [[entry.id for entry in found] for found in await shown(platform, quiet, busy, silent)]
        assert ids == [[campaigns[4]], campaigns[3:0:-1], []]

    async def test_a_campaign_for_many_people_of_an_account_comes_once(
        self, platform: TestPlatform, new_account: New, new_contact: New
    ) -> None:
        account_id, campaign_id = await new_account(), await campaign(platform)
        await join(platform, campaign_id, account_id=account_id)
        for _ in range(2):
            await join(platform, campaign_id, account_id=account_id, contact_id=await new_contact())
        ((found,),) = await shown(platform, account_id)
        assert (found.id, found.member_count) == (campaign_id, 3)

    async def test_who_is_no_member_any_more_sees_it_no_more(self, platform: TestPlatform, new_account: New) -> None:
        account_id, left, deleted = await new_account(), await campaign(platform), await campaign(platform)
        member_id = await join(platform, left, account_id=account_id)
        await join(platform, deleted, account_id=account_id)
        await platform.call(f"{MEMBERS}.DeleteCampaignMember", campaign_id=left, id=member_id)
        await platform.call(f"{CAMPAIGNS}.DeleteCampaign", id=deleted)
        assert await shown(platform, account_id) == [[]]
