"""The methods of messages."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from rotunda.sync.v1 import message_service_pb2 as pb
from rotunda_kit.errors import InvalidArgument, NotFound, RotundaError
from rotunda_kit.testing.platform import TestPlatform
from rotunda_sync.messages.service import LARGE

from .mails import MESSAGES, new_account, new_contact, new_mailbox, new_message, source, verbs_told


@pytest.fixture(scope="session")
async def mailbox(platform: TestPlatform) -> Any:
    return await new_mailbox(platform)


async def load(platform: TestPlatform, message: dict[str, Any], **beside: Any) -> tuple[int, pb.Message]:
    """Create a message, or change the one with its external id; answers with the outcome, and with what it is now."""
    requests = [{"message": message, **beside}]
    answer = await platform.call(MESSAGES + "BatchCreateMessages", upsert_by="externalIds", requests=requests)
    (result,) = answer.results
    return result.outcome, result.message


class TestCreate:
    async def test_a_mail_is_read_from_its_source(self, platform: TestPlatform, mailbox: Any) -> None:
        mail = source(message_id="one")
        message = await new_message(platform, mailbox, mail)
        assert (message.display_name, message.snippet) == ("The offer", "Here it is.")
        assert (message.from_address, message.from_name) == ("ada@example.com", "Ada")
        assert list(message.to_addresses) == ["bob@example.com"]
        assert message.sent_time.ToJsonString() == "2017-01-31T10:00:00Z"
        assert (message.message_id, message.HasField("in_reply_to")) == ("one@example.com", False)
        assert (message.size_bytes, message.attachment_count, message.read) == (len(mail), 0, False)
        assert not message.source
        assert await verbs_told(platform, message.id) == ["created"]

    async def test_a_mail_from_the_mailbox_itself_is_outbound(self, platform: TestPlatform, mailbox: Any) -> None:
        inbound = await new_message(platform, mailbox)
        outbound = await new_message(platform, mailbox, source(sender=mailbox.email.upper()))
        directions = (inbound.direction, outbound.direction)
        assert directions == (pb.MESSAGE_DIRECTION_INBOUND, pb.MESSAGE_DIRECTION_OUTBOUND)

    async def test_a_direction_that_is_given_stands(self, platform: TestPlatform, mailbox: Any) -> None:
        given = {"mailbox_id": mailbox.id, "source": source(), "direction": "MESSAGE_DIRECTION_OUTBOUND"}
        answer = await platform.call(MESSAGES + "CreateMessage", message=given)
        assert answer.message.direction == pb.MESSAGE_DIRECTION_OUTBOUND

    async def test_a_mail_without_a_sender_is_refused(self, platform: TestPlatform, mailbox: Any) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await new_message(platform, mailbox, "Subject: hello\r\n\r\n")
        assert [violation.field for violation in refusal.value.violations] == ["message.source"]

    async def test_the_largest_mail_is_taken(self, platform: TestPlatform, mailbox: Any) -> None:
        mail = source()
        mail += "ü" * (5_000_000 - len(mail))
        assert len(mail) > LARGE
        message = await new_message(platform, mailbox, mail)
        assert message.size_bytes == len(mail.encode())
        kept = await platform.call(MESSAGES + "GetMessageSource", id=message.id)
        assert kept.source == mail
        with pytest.raises(InvalidArgument):
            await new_message(platform, mailbox, mail + "ü")

    async def test_of_twenty_of_the_same_mail_one_is_stored(self, platform: TestPlatform, mailbox: Any) -> None:
        mail = source()

        async def create() -> str:
            try:
                return str((await new_message(platform, mailbox, mail)).display_name)
            except RotundaError as error:
                return error.reason

        outcomes = await asyncio.gather(*(create() for _ in range(20)))
        assert sorted(outcomes) == [*["MESSAGE_ALREADY_STORED"] * 19, "The offer"]

    async def test_each_mailbox_may_have_it(self, platform: TestPlatform, mailbox: Any) -> None:
        mail = source()
        first = await new_message(platform, mailbox, mail)
        second = await new_message(platform, await new_mailbox(platform), mail)
        assert (first.message_id, first.id != second.id) == (second.message_id, True)

    async def test_mails_without_an_id_are_all_stored(self, platform: TestPlatform, mailbox: Any) -> None:
        mail = "From: ada@example.com\r\n\r\nHello"
        first, second = [await new_message(platform, mailbox, mail) for _ in range(2)]
        assert first.id != second.id

    async def test_it_can_be_assigned_at_once(self, platform: TestPlatform, mailbox: Any) -> None:
        account_id = await new_account(platform)
        message = await new_message(platform, mailbox, account_id=account_id)
        assert message.account_id == account_id
        assert await verbs_told(platform, message.id) == ["created"]


class TestBatchCreate:
    async def test_a_load_can_be_repeated_but_the_source_stays(self, platform: TestPlatform, mailbox: Any) -> None:
        mail = source()
        key = [{"system": "exchange", "id": uuid4().hex}]
        item = {"mailbox_id": mailbox.id, "source": mail, "external_ids": key}
        items = [item, item, item | {"source": mail + "more"}, item | {"read": True}]
        # Created, unchanged, failed, updated.
        assert [(await load(platform, each))[0] for each in items] == [1, 3, 4, 2]

    async def test_one_that_exists_is_assigned_too(self, platform: TestPlatform, mailbox: Any) -> None:
        key = [{"system": "exchange", "id": uuid4().hex}]
        item = {"mailbox_id": mailbox.id, "source": source(), "external_ids": key}
        account_id = await new_account(platform)
        await load(platform, item)
        outcomes = [await load(platform, item, account_id=account_id) for _ in range(2)]
        assert [(outcome, message.account_id) for outcome, message in outcomes] == [(2, account_id), (3, account_id)]
        assert await verbs_told(platform, outcomes[0][1].id) == ["created", "assigned"]


class TestGetAndList:
    async def test_it_is_shown_as_it_was_answered(self, platform: TestPlatform) -> None:
        mailbox = await new_mailbox(platform)
        message = await new_message(platform, mailbox)
        other = await new_message(platform, mailbox, source(day=30))
        assert (await platform.call(MESSAGES + "GetMessage", id=message.id)).message == message
        wanted = f"mailbox_id = {mailbox.id} AND direction = INBOUND AND read = false"
        newest = await platform.call(MESSAGES + "ListMessages", filter=wanted)
        assert list(newest.messages) == [other, message]
        latest = await platform.call(MESSAGES + "ListMessages", filter=wanted, order_by="sent_time desc")
        assert list(latest.messages) == [message, other]

    async def test_nobody_searches_in_sources(self, platform: TestPlatform) -> None:
        with pytest.raises(InvalidArgument):
            await platform.call(MESSAGES + "ListMessages", filter='source = "x"')


class TestGetSource:
    async def test_it_is_what_was_put_in(self, platform: TestPlatform, mailbox: Any) -> None:
        mail = f"{source()} \r\nGrüße ☃ \r\n \r\n\t"
        message = await new_message(platform, mailbox, mail)
        assert (await platform.call(MESSAGES + "GetMessageSource", id=message.id)).source == mail

    async def test_a_deleted_message_has_none(self, platform: TestPlatform, mailbox: Any) -> None:
        message = await new_message(platform, mailbox)
        await platform.call(MESSAGES + "DeleteMessage", id=message.id)
        with pytest.raises(NotFound) as refusal:
            await platform.call(MESSAGES + "GetMessageSource", id=message.id)
        assert refusal.value.reason == "MESSAGE_NOT_FOUND"


class TestAssign:
    async def test_what_is_not_named_stays(self, platform: TestPlatform, mailbox: Any) -> None:
        contact_id, other_id = await new_contact(platform), await new_account(platform)
        message = await new_message(platform, mailbox, account_id=await new_account(platform))
        await platform.call(MESSAGES + "AssignMessage", id=message.id, contact_id=contact_id)
        assigned = (await platform.call(MESSAGES + "AssignMessage", id=message.id, account_id=other_id)).message
        assert (assigned.account_id, assigned.contact_id) == (other_id, contact_id)
        assert await verbs_told(platform, message.id) == ["created", "assigned", "assigned"]

    async def test_it_must_be_about_something(self, platform: TestPlatform, mailbox: Any) -> None:
        message = await new_message(platform, mailbox)
        with pytest.raises(InvalidArgument) as refusal:
            await platform.call(MESSAGES + "AssignMessage", id=message.id)
        named = [violation.field for violation in refusal.value.violations]
        assert named == ["account_id", "contact_id", "opportunity_id", "ticket_id"]

    async def test_what_it_is_about_must_exist(self, platform: TestPlatform, mailbox: Any) -> None:
        message = await new_message(platform, mailbox)
        named = {name: str(uuid4()) for name in ("account_id", "contact_id")}
        with pytest.raises(InvalidArgument) as refusal:
            await platform.call(MESSAGES + "AssignMessage", id=message.id, **named)
        assert {violation.field for violation in refusal.value.violations} == set(named)

    async def test_a_stale_one_is_refused(self, platform: TestPlatform, mailbox: Any) -> None:
        message = await new_message(platform, mailbox)
        account_id = await new_account(platform)
        await platform.call(MESSAGES + "AssignMessage", id=message.id, account_id=account_id, etag=message.etag)
        with pytest.raises(RotundaError) as refusal:
            await platform.call(MESSAGES + "AssignMessage", id=message.id, account_id=account_id, etag=message.etag)
        assert refusal.value.reason == "ETAG_MISMATCH"


class TestUpdate:
    async def test_read_and_categories_change(self, platform: TestPlatform, mailbox: Any) -> None:
        message = await new_message(platform, mailbox)
        changed = {"id": message.id, "read": True, "categories": ["Red category"]}
        answer = await platform.call(MESSAGES + "UpdateMessage", message=changed)
        assert (answer.message.read, list(answer.message.categories)) == (True, ["Red category"])

    @pytest.mark.parametrize("mask", [[], ["source"], ["*"]])
    async def test_the_source_does_not(self, platform: TestPlatform, mailbox: Any, mask: list[str]) -> None:
        message = await new_message(platform, mailbox)
        other = {"id": message.id, "source": source(), "mailbox_id": mailbox.id}
        with pytest.raises(InvalidArgument) as refusal:
            await platform.call(MESSAGES + "UpdateMessage", message=other, update_mask={"paths": mask})
        assert [violation.field for violation in refusal.value.violations] == ["message.source"]

    async def test_the_same_source_may_be_sent_again(self, platform: TestPlatform, mailbox: Any) -> None:
        mail = source()
        message = await new_message(platform, mailbox, mail)
        same = {"id": message.id, "source": mail, "mailbox_id": mailbox.id, "read": True}
        answer = await platform.call(MESSAGES + "UpdateMessage", message=same, update_mask={"paths": ["*"]})
        assert (answer.message.read, answer.message.direction) == (True, message.direction)


class TestDelete:
    async def test_the_same_mail_may_come_back(self, platform: TestPlatform, mailbox: Any) -> None:
        mail = source()
        message = await new_message(platform, mailbox, mail)
        await platform.call(MESSAGES + "DeleteMessage", id=message.id)
        with pytest.raises(NotFound):
            await platform.call(MESSAGES + "GetMessage", id=message.id)
        assert (await new_message(platform, mailbox, mail)).id != message.id
