"""The methods of mailboxes."""

import asyncio
from uuid import uuid4

import pytest

from rotunda.sync.v1 import mailbox_service_pb2 as pb
from rotunda_kit.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, RotundaError
from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.testing.platform import TestPlatform

from .mails import MAILBOXES, MESSAGES, new_mailbox, new_message, verbs_told


class TestCreate:
    async def test_what_is_unset_is_usual(self, platform: TestPlatform) -> None:
        mailbox = await new_mailbox(platform)
        assert (mailbox.provider, mailbox.active) == (pb.MAILBOX_PROVIDER_NONE, True)
        assert await verbs_told(platform, mailbox.id) == ["created"]

    async def test_its_user_is_shown_by_name(self, platform: TestPlatform) -> None:
        user = {"username": uuid4().hex, "display_name": "Anna", "role_ids": [ADMINISTRATOR]}
        answer = await platform.call("rotunda.access.v1.UserService.CreateUser", user=user)
        mailbox = await new_mailbox(platform, user_id=answer.user.id)
        assert mailbox.user_display_name == "Anna"

    async def test_nobody_can_not_have_it(self, platform: TestPlatform) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await new_mailbox(platform, user_id=str(uuid4()))
        assert [violation.field for violation in refusal.value.violations] == ["mailbox.user_id"]

    async def test_a_domain_is_kept_in_lower_case(self, platform: TestPlatform) -> None:
        name = uuid4().hex
        assert (await new_mailbox(platform, email=f"Ada.{name}@EXAMPLE.com")).email == f"Ada.{name}@example.com"

    async def test_an_address_is_unique_whatever_its_case(self, platform: TestPlatform) -> None:
        mailbox = await new_mailbox(platform)
        with pytest.raises(AlreadyExists) as refusal:
            await new_mailbox(platform, email=mailbox.email.upper())
        assert refusal.value.reason == "MAILBOX_EMAIL_TAKEN"

    async def test_of_twenty_at_a_time_one_gets_an_address(self, platform: TestPlatform) -> None:
        email = f"{uuid4().hex}@example.com"

        async def create() -> str:
            try:
                return str((await new_mailbox(platform, email=email)).email)
            except RotundaError as error:
                return error.reason

        outcomes = await asyncio.gather(*(create() for _ in range(20)))
        assert sorted(outcomes) == sorted([email, *["MAILBOX_EMAIL_TAKEN"] * 19])

    async def test_many_are_created_each_for_itself(self, platform: TestPlatform) -> None:
        key = [{"system": "exchange", "id": uuid4().hex}]
        good = {"mailbox": {"email": f"{uuid4().hex}@example.com", "external_ids": key}}
        requests = [good, {"mailbox": {"email": "nowhere"}}]
        outcomes = []
        for _ in range(2):
            answer = await platform.call(MAILBOXES + "BatchCreateMailboxes", upsert_by="externalIds", requests=requests)
            outcomes.append([result.outcome for result in answer.results])
        # Created and failed; then unchanged and failed.
        assert outcomes == [[1, 4], [3, 4]]


class TestGetAndList:
    async def test_it_is_shown_as_it_was_answered(self, platform: TestPlatform) -> None:
        mailbox = await new_mailbox(platform, display_name="Sales", provider="MAILBOX_PROVIDER_IMAP")
        assert (await platform.call(MAILBOXES + "GetMailbox", id=mailbox.id)).mailbox == mailbox
        found = await platform.call(
            MAILBOXES + "ListMailboxes", filter=f'email = "{mailbox.email}" AND provider = IMAP'
        )
        assert list(found.mailboxes) == [mailbox]

    async def test_an_unknown_one_is_not_found(self, platform: TestPlatform) -> None:
        with pytest.raises(NotFound) as refusal:
            await platform.call(MAILBOXES + "GetMailbox", id=str(uuid4()))
        assert refusal.value.reason == "MAILBOX_NOT_FOUND"


class TestUpdate:
    async def test_its_address_changes_but_not_to_anothers(self, platform: TestPlatform) -> None:
        mailbox, other = await new_mailbox(platform), await new_mailbox(platform)
        changed = {"id": mailbox.id, "email": f"{uuid4().hex}@example.com", "active": False}
        answer = await platform.call(MAILBOXES + "UpdateMailbox", mailbox=changed)
        assert (answer.mailbox.email, answer.mailbox.active) == (changed["email"], False)
        with pytest.raises(AlreadyExists) as refusal:
            await platform.call(MAILBOXES + "UpdateMailbox", mailbox={"id": mailbox.id, "email": other.email})
        assert refusal.value.reason == "MAILBOX_EMAIL_TAKEN"
        assert await verbs_told(platform, mailbox.id) == ["created", "updated"]


class TestDelete:
    async def test_one_with_messages_stays(self, platform: TestPlatform) -> None:
        mailbox = await new_mailbox(platform)
        message = await new_message(platform, mailbox)
        with pytest.raises(FailedPrecondition) as refusal:
            await platform.call(MAILBOXES + "DeleteMailbox", id=mailbox.id)
        assert refusal.value.reason == "MAILBOX_HAS_MESSAGES"
        await platform.call(MESSAGES + "DeleteMessage", id=message.id)
        await platform.call(MAILBOXES + "DeleteMailbox", id=mailbox.id)
        with pytest.raises(InvalidArgument) as gone:
            await new_message(platform, mailbox)
        assert [violation.field for violation in gone.value.violations] == ["message.mailbox_id"]

    async def test_its_address_is_free_again(self, platform: TestPlatform) -> None:
        mailbox = await new_mailbox(platform)
        await platform.call(MAILBOXES + "DeleteMailbox", id=mailbox.id)
        assert (await new_mailbox(platform, email=mailbox.email)).id != mailbox.id

    async def test_no_message_comes_into_one_while_it_is_deleted(self, platform: TestPlatform) -> None:
        async def either(mailbox_id: str) -> None:
            """A delete and a create at the same time: one of the two is refused."""
            message = {"mailbox_id": mailbox_id, "source": SOURCE}
            outcomes = await asyncio.gather(
                platform.call(MESSAGES + "CreateMessage", message=message),
                platform.call(MAILBOXES + "DeleteMailbox", id=mailbox_id),
                return_exceptions=True,
            )
            assert len([outcome for outcome in outcomes if isinstance(outcome, RotundaError)]) == 1

        mailboxes = [await new_mailbox(platform) for _ in range(20)]
        await asyncio.gather(*(either(mailbox.id) for mailbox in mailboxes))


SOURCE = "From: ada@example.com\r\n\r\nHello"
