"""Sync's section of the 360 degree view."""

from rotunda.kit.v1 import overview_service_pb2
from rotunda.sync.v1 import message_service_pb2 as pb
from rotunda_kit.testing.platform import TestPlatform

from .mails import new_account, new_mailbox, new_message, source

OVERVIEWS = overview_service_pb2.DESCRIPTOR.services_by_name["OverviewService"].methods_by_name["BatchGetOverviews"]


class TestMessages:
    async def test_each_account_has_its_own_latest_sent_first(self, platform: TestPlatform) -> None:
        mailbox = await new_mailbox(platform)
        busy, silent = await new_account(platform), await new_account(platform)
        sent = {day: await new_message(platform, mailbox, source(day=day), account_id=busy) for day in (20, 25, 10, 30)}
        undated = "From: ada@example.com\r\n\r\nWhenever."
        await new_message(platform, mailbox, undated, account_id=busy)
        items = [{"account_id": account_id, "token": platform.token()} for account_id in (busy, silent)]
        request = overview_service_pb2.BatchGetOverviewsRequest(items=items, page_size=3)
        answer = await platform.clients.call(OVERVIEWS, request, token=platform.token(), service="sync")
        shown = []
        for overview in answer.overviews:
            (section,) = overview.sections
            page = pb.ListMessagesResponse()
            assert section.data.Unpack(page)
            shown.append((section.name, [message.id for message in page.messages]))
        assert shown == [("messages", [sent[day].id for day in (30, 25, 20)]), ("messages", [])]
