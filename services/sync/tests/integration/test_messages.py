import asyncio
from typing import Any
from uuid import uuid4

import pytest

from rotunda_kit.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, RotundaError
from rotunda_kit.testing.platform import TestPlatform

MAILBOXES = "rotunda.sync.v1.MailboxService."
MESSAGES = "rotunda.sync.v1.MessageService."


def source(sender: str = "ada@example.com", message_id: str | None = None) -> str:
    return (
        f"From: Ada <{sender}>\r\nTo: bob@example.com\r\nSubject: The offer\r\n"
        f"Date: Tue, 31 Jan 2017 10:00:00 +0000\r\nMessage-ID: <{message_id or uuid4()}@example.com>\r\n\r\nHere it is."
    )


@pytest.fixture
async def mailbox(platform: TestPlatform) -> Any:
    answer = await platform.call(MAILBOXES + "CreateMailbox", mailbox={"email": f"{uuid4().hex}@example.com"})
    return answer.mailbox


async def create(platform: TestPlatform, mailbox: Any, text: str | None = None, **more: Any) -> Any:
    message = {"mailbox_id": mailbox.id, "source": text or source()}
    return (await platform.call(MESSAGES + "CreateMessage", message=message, **more)).message


async def new_account(platform: TestPlatform) -> str:
    answer = await platform.call("rotunda.customers.v1.AccountService.CreateAccount", account={"display_name": "Acme"})
    return str(answer.account.id)


class TestMailboxes:
    async def test_an_address_is_unique_whatever_its_case(self, platform: TestPlatform, mailbox: Any) -> None:
        with pytest.raises(AlreadyExists) as refusal:
            await platform.call(MAILBOXES + "CreateMailbox", mailbox={"email": mailbox.email.upper()})
        assert refusal.value.reason == "EMAIL_TAKEN"

    async def test_one_of_many_at_the_same_time_gets_an_address(self, platform: TestPlatform) -> None:
        email = f"{uuid4().hex}@example.com"
        calls = [platform.call(MAILBOXES + "CreateMailbox", mailbox={"email": email}) for _ in range(10)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(not isinstance(result, BaseException) for result in results) == 1
        assert all(isinstance(result, AlreadyExists) for result in results if isinstance(result, BaseException))

    async def test_a_mailbox_with_messages_stays(self, platform: TestPlatform, mailbox: Any) -> None:
        message = await create(platform, mailbox)
        with pytest.raises(FailedPrecondition) as refusal:
            await platform.call(MAILBOXES + "DeleteMailbox", id=mailbox.id)
        assert refusal.value.reason == "MAILBOX_HAS_MESSAGES"
        await platform.call(MESSAGES + "DeleteMessage", id=message.id)
        await platform.call(MAILBOXES + "DeleteMailbox", id=mailbox.id)


class TestCreateMessage:
    async def test_a_mail_is_read_from_its_source(self, platform: TestPlatform, mailbox: Any) -> None:
        text = source()
        message = await create(platform, mailbox, text)
        assert message.display_name == "The offer"
        assert message.from_address == "ada@example.com"
        assert list(message.to_addresses) == ["bob@example.com"]
        assert message.snippet == "Here it is."
        assert message.size_bytes == len(text)
        assert not message.source
        kept = await platform.call(MESSAGES + "GetMessageSource", id=message.id)
        assert kept.source == text

    async def test_a_mail_from_the_mailbox_itself_is_outbound(self, platform: TestPlatform, mailbox: Any) -> None:
        inbound = await create(platform, mailbox)
        outbound = await create(platform, mailbox, source(sender=mailbox.email.upper()))
        assert (inbound.direction, outbound.direction) == (1, 2)

    async def test_a_mail_without_a_sender_is_refused(self, platform: TestPlatform, mailbox: Any) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await create(platform, mailbox, "Subject: hello\r\n\r\n")
        assert [violation.field for violation in refusal.value.violations] == ["message.source"]

    async def test_one_of_many_of_the_same_mail_is_stored(self, platform: TestPlatform, mailbox: Any) -> None:
        text = source()
        results = await asyncio.gather(*(create(platform, mailbox, text) for _ in range(20)), return_exceptions=True)
        stored = [result for result in results if not isinstance(result, BaseException)]
        assert len(stored) == 1
        reasons = {result.reason for result in results if isinstance(result, RotundaError)}
        assert reasons == {"MESSAGE_ALREADY_STORED"}

    async def test_it_can_be_assigned_at_once(self, platform: TestPlatform, mailbox: Any) -> None:
        account_id = await new_account(platform)
        message = await create(platform, mailbox, account_id=account_id)
        assert message.account_id == account_id

    async def test_a_load_can_be_repeated_but_the_source_stays(self, platform: TestPlatform, mailbox: Any) -> None:
        text = source()
        item = {"mailbox_id": mailbox.id, "source": text, "external_ids": [{"system": "t", "id": uuid4().hex}]}
        outcomes = []
        for changed in (item, item, item | {"source": text + "more"}):
            answer = await platform.call(
                MESSAGES + "BatchCreateMessages", upsert_by="externalIds", requests=[{"message": changed}]
            )
            outcomes.append(answer.results[0].outcome)
        assert outcomes == [1, 3, 4]


class TestAssignMessage:
    async def test_what_is_not_named_stays(self, platform: TestPlatform, mailbox: Any) -> None:
        account_id, other_id = await new_account(platform), await new_account(platform)
        contact = {"last_name": "Lovelace"}
        answer = await platform.call("rotunda.customers.v1.ContactService.CreateContact", contact=contact)
        message = await create(platform, mailbox, account_id=account_id)
        await platform.call(MESSAGES + "AssignMessage", id=message.id, contact_id=answer.contact.id)
        assigned = (await platform.call(MESSAGES + "AssignMessage", id=message.id, account_id=other_id)).message
        assert (assigned.account_id, assigned.contact_id) == (other_id, answer.contact.id)

    async def test_it_must_be_about_something_that_exists(self, platform: TestPlatform, mailbox: Any) -> None:
        message = await create(platform, mailbox)
        with pytest.raises(InvalidArgument) as nothing:
            await platform.call(MESSAGES + "AssignMessage", id=message.id)
        assert len(nothing.value.violations) == 4
        with pytest.raises(InvalidArgument) as unknown:
            await platform.call(MESSAGES + "AssignMessage", id=message.id, account_id=str(uuid4()))
        assert [violation.field for violation in unknown.value.violations] == ["account_id"]


class TestUpdateMessage:
    async def test_read_and_categories_change(self, platform: TestPlatform, mailbox: Any) -> None:
        message = await create(platform, mailbox)
        changed = await platform.call(
            MESSAGES + "UpdateMessage", message={"id": message.id, "read": True, "categories": ["Red category"]}
        )
        assert changed.message.read
        assert list(changed.message.categories) == ["Red category"]

    async def test_the_source_does_not(self, platform: TestPlatform, mailbox: Any) -> None:
        message = await create(platform, mailbox)
        with pytest.raises(InvalidArgument):
            await platform.call(MESSAGES + "UpdateMessage", message={"id": message.id, "source": source()})

    async def test_an_unknown_message_has_no_source(self, platform: TestPlatform) -> None:
        with pytest.raises(NotFound) as refusal:
            await platform.call(MESSAGES + "GetMessageSource", id=str(uuid4()))
        assert refusal.value.reason == "MESSAGE_NOT_FOUND"
