"""Dead letters of several services, through the gateway's calls of contracts."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy import select, text

from rotunda.customers.events.v1 import account_event_pb2
from rotunda.customers.v1 import account_service_pb2
from rotunda.kit.v1 import dead_letter_service_pb2 as pb
from rotunda_customers.app import app as customers
from rotunda_gateway.contracts.calls import Contracts
from rotunda_gateway.contracts.lists import LISTS
from rotunda_kit.db.tables import dead_letter, inbox
from rotunda_kit.dead_letters.filing import file_dead_letter
from rotunda_kit.embedded import Nats, Postgres
from rotunda_kit.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unavailable
from rotunda_kit.events.envelope import headers_of
from rotunda_kit.model import new_id, now
from rotunda_kit.testing.platform import TestPlatform
from rotunda_sales.app import app as sales
from rotunda_sync.app import app as sync

SERVICES = ("customers", "sales", "sync")
SERVICE = "rotunda.kit.v1.DeadLetterService"
CONSUMER = "sales-from-customers"


class Post:
    """Files dead letters, and calls the methods about them as the gateway does."""

    def __init__(self, platform: TestPlatform) -> None:
        self.platform = platform
        self.contracts = Contracts(platform.clients.call, LISTS, SERVICES)

    async def call(self, name: str, token: str | None = None, **fields: Any) -> Any:
        method: Any = descriptor_pool.Default().FindMethodByName(f"{SERVICE}.{name}")
        request: Any = GetMessageClass(method.input_type)(**fields)
        return await self.contracts.call(method, request, token=token or self.platform.token(), timeout=10)

    async def file(self, service: str = "sales", *, payload: bytes | None = None, **fields: Any) -> str:
        """Files an event about a new account, and gives the id of the letter."""
        account_id = new_id()
        account = account_service_pb2.Account(id=str(account_id), display_name="Isdom", etag="3")
        row = {
            "event_id": new_id(),
            "noun": "customers.account",
            "verb": "updated",
            "aggregate_id": account_id,
            "aggregate_version": 3,
            "time": now(),
            "actor": "test",
            "traceparent": "",
        }
        told = account_event_pb2.AccountEvent(account=account).SerializeToString()
        database = self.platform.runtimes[service].database
        values: dict[str, Any] = {
            "consumer": f"{service}-from-customers",
            "subject": f"crm.customers.account.updated.v1.{account_id}",
            "headers": headers_of(row),
            "payload": told if payload is None else payload,
            "tries": 20,
            "error": "ValueError",
            "description": "model.py:7 take",
        }
        await file_dead_letter(database, **(values | fields))
        async with database.reading() as connection:
            number = await connection.scalar(select(dead_letter.c.id).order_by(dead_letter.c.id.desc()).limit(1))
        return f"{service}-{number}"

    async def waiting(self) -> list[str]:
        answer = await self.call("ListDeadLetters", filter="state = WAITING")
        return [letter.id for letter in answer.dead_letters]

    async def copies(self) -> dict[str, int]:
        async with self.platform.runtimes["sales"].database.reading() as connection:
            rows = await connection.execute(text("SELECT id::text, version FROM account_reference"))
            return {row.id: row.version for row in rows}


@pytest.fixture(scope="module")
async def started(
    postgres: Postgres, nats: Nats, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestPlatform]:
    platform = TestPlatform(postgres, nats, Path(tmp_path_factory.mktemp("letters")))
    for service in (customers, sales, sync):
        await platform.start(service, worker=False)
    yield platform
    await platform.stop()


@pytest.fixture
async def post(started: TestPlatform) -> Post:
    for runtime in started.runtimes.values():
        async with runtime.database.transaction() as session:
            await session.execute(text("TRUNCATE dead_letter"))
    return Post(started)


class TestGet:
    async def test_it_says_what_could_not_be_taken_in_by_whom_and_why(self, post: Post) -> None:
        letter_id = await post.file()
        letter = (await post.call("GetDeadLetter", id=letter_id)).dead_letter
        assert (letter.id, letter.service, letter.consumer) == (letter_id, "sales", CONSUMER)
        assert (letter.event_type, letter.record.type) == ("customers.account.updated", "customers.account")
        assert (letter.tries, letter.error, letter.error_description) == (20, "ValueError", "model.py:7 take")
        assert '"displayName":"Isdom"' in letter.payload

    async def test_what_no_one_can_read_is_shown_without_payload(self, post: Post) -> None:
        letter_id = await post.file(headers={"x": "1"}, payload=b"\xff?")
        letter = (await post.call("GetDeadLetter", id=letter_id)).dead_letter
        assert not letter.HasField("payload")
        assert (letter.event_id, letter.event_type, letter.HasField("record")) == ("", "", False)

    @pytest.mark.parametrize(
        "letter_id", ["sales-0", "sales-x", "sales-", "mars-1", "17", "sales", "sales-" + "9" * 30]
    )
    async def test_an_unknown_one_is_not_found(self, post: Post, letter_id: str) -> None:
        with pytest.raises(NotFound) as refusal:
            await post.call("GetDeadLetter", id=letter_id)
        assert refusal.value.reason == "DEAD_LETTER_NOT_FOUND"

    async def test_only_administrators_see_any(self, post: Post) -> None:
        letter_id = await post.file()
        token = post.platform.token(administrator=False)
        for name, fields in (
            ("GetDeadLetter", {"id": letter_id}),
            ("ListDeadLetters", {}),
            ("ReplayDeadLetter", {"id": letter_id}),
            ("DiscardDeadLetter", {"id": letter_id}),
            ("BatchReplayDeadLetters", {"ids": [letter_id]}),
        ):
            with pytest.raises(PermissionDenied):
                await post.call(name, token, **fields)


class TestList:
    @pytest.mark.parametrize("order", ["", "id", "service, tries desc", "settle_time desc", "error, create_time"])
    async def test_the_pages_over_all_services_have_each_once_in_one_order(self, post: Post, order: str) -> None:
        filed = [await post.file(SERVICES[number % 3], tries=number % 4) for number in range(17)]
        whole = await post.call("ListDeadLetters", order_by=order, page_size=1000)
        at_once = [letter.id for letter in whole.dead_letters]
        assert sorted(at_once) == sorted(filed)
        walked, token = [], ""
        for _ in range(10):
            page = await post.call("ListDeadLetters", order_by=order, page_size=3, page_token=token)
            walked += [letter.id for letter in page.dead_letters]
            token = page.next_page_token
            if not token:
                break
        assert walked == at_once
        if not order:
            assert at_once == filed[::-1]

    async def test_a_page_goes_on_where_it_ended_although_letters_were_settled_meanwhile(self, post: Post) -> None:
        filed = [await post.file(SERVICES[number % 3]) for number in range(6)]
        first = await post.call("ListDeadLetters", filter="state = WAITING", page_size=2)
        for letter_id in (filed[5], filed[3]):
            await post.call("DiscardDeadLetter", id=letter_id)
        second = await post.call(
            "ListDeadLetters", filter="state = WAITING", page_size=2, page_token=first.next_page_token
        )
        assert [letter.id for letter in second.dead_letters] == [filed[2], filed[1]]

    async def test_a_filter_goes_to_every_service(self, post: Post) -> None:
        wanted = [await post.file(service, error="KeyError") for service in SERVICES]
        await post.file()
        answer = await post.call("ListDeadLetters", filter='error = "KeyError" AND record.id:*', order_by="id")
        assert [letter.id for letter in answer.dead_letters] == sorted(wanted)

    async def test_a_service_that_is_away_is_named(self, post: Post) -> None:
        letter_id = await post.file()
        addresses = post.platform.addresses
        kept = addresses["sync"]
        clients = type(post.platform.clients)(lambda name: "127.0.0.1:1" if name == "sync" else addresses[name])
        answer = await Post.call(_with(post, Contracts(clients.call, LISTS, SERVICES)), "ListDeadLetters")
        assert addresses["sync"] == kept
        assert [letter.id for letter in answer.dead_letters] == [letter_id]
        assert list(answer.unreachable) == ["sync"]
        await clients.close()

    async def test_where_none_answers_that_is_an_error(self, post: Post) -> None:
        clients = type(post.platform.clients)(lambda _: "127.0.0.1:1")
        with pytest.raises(Unavailable):
            await Post.call(_with(post, Contracts(clients.call, LISTS, SERVICES)), "ListDeadLetters")
        await clients.close()

    async def test_a_wrong_filter_is_refused(self, post: Post) -> None:
        with pytest.raises(InvalidArgument) as refusal:
            await post.call("ListDeadLetters", filter="nowhere = 1")
        assert refusal.value.reason == "INVALID_FILTER"


class TestReplay:
    async def test_the_event_has_its_effect_and_the_letter_is_settled(self, post: Post) -> None:
        letter_id = await post.file()
        letter = (await post.call("ReplayDeadLetter", id=letter_id)).dead_letter
        assert letter.state == pb.DEAD_LETTER_STATE_REPLAYED
        assert letter.HasField("settle_time")
        assert (await post.copies())[letter.record.id] == 3
        assert await post.waiting() == []

    async def test_what_took_effect_meanwhile_does_nothing_twice(self, post: Post) -> None:
        letter_id = await post.file()
        record_id = (await post.call("GetDeadLetter", id=letter_id)).dead_letter.record.id
        event_id = (await post.call("GetDeadLetter", id=letter_id)).dead_letter.event_id
        async with post.platform.runtimes["sales"].database.transaction() as session:
            await session.execute(inbox.insert().values(consumer=CONSUMER, event_id=event_id))
        await post.call("ReplayDeadLetter", id=letter_id)
        assert record_id not in await post.copies()
        assert await post.waiting() == []

    @pytest.mark.parametrize("wrong", [{"payload": b"\xff\xff"}, {"headers": {"ce-id": "x"}}, {"consumer": "nobody"}])
    async def test_one_that_fails_again_says_why_and_stays(self, post: Post, wrong: dict[str, Any]) -> None:
        letter_id = await post.file(**wrong)
        with pytest.raises(FailedPrecondition) as refusal:
            await post.call("ReplayDeadLetter", id=letter_id)
        assert refusal.value.reason == "REPLAY_FAILED"
        assert await post.waiting() == [letter_id]

    async def test_a_settled_one_is_not_replayed(self, post: Post) -> None:
        letter_id = await post.file()
        await post.call("DiscardDeadLetter", id=letter_id)
        for name in ("ReplayDeadLetter", "DiscardDeadLetter"):
            with pytest.raises(FailedPrecondition) as refusal:
                await post.call(name, id=letter_id)
            assert refusal.value.reason == "DEAD_LETTER_SETTLED"


class TestBatchReplay:
    async def test_each_of_those_named_is_replayed_for_itself(self, post: Post) -> None:
        good, bad = await post.file(), await post.file(payload=b"\xff\xff")
        # Nobody at sync may hear of accounts any more, so that one of another service fails for itself, too.
        other = await post.file("sync", consumer="nobody")
        answer = await post.call("BatchReplayDeadLetters", ids=[good, bad, other])
        reasons = {result.id: result.error.reason for result in answer.results}
        assert reasons == {good: "", bad: "REPLAY_FAILED", other: "REPLAY_FAILED"}
        assert sorted(await post.waiting()) == sorted([bad, other])

    async def test_those_that_a_filter_chooses(self, post: Post) -> None:
        wanted = await post.file(error="KeyError")
        left = await post.file()
        answer = await post.call("BatchReplayDeadLetters", filter='error = "KeyError"')
        assert [result.id for result in answer.results] == [wanted]
        assert await post.waiting() == [left]

    @pytest.mark.parametrize("fields", [{}, {"ids": ["sales-1"], "filter": "tries > 1"}, {"ids": ["mars-1"]}])
    async def test_neither_or_both_or_no_service_is_refused(self, post: Post, fields: dict[str, Any]) -> None:
        with pytest.raises(InvalidArgument):
            await post.call("BatchReplayDeadLetters", **fields)


class TestFiling:
    async def test_filed_again_while_it_waits_it_stays_one(self, post: Post) -> None:
        headers = {"ce-id": str(new_id())}
        first = await post.file(headers=headers, tries=20)
        assert await post.file(headers=headers, tries=25) == first
        assert (await post.call("GetDeadLetter", id=first)).dead_letter.tries == 25

    async def test_filed_again_when_it_is_settled_it_is_a_new_one(self, post: Post) -> None:
        headers = {"ce-id": str(new_id())}
        first = await post.file(headers=headers)
        await post.call("DiscardDeadLetter", id=first)
        assert await post.file(headers=headers) != first

    async def test_messages_that_are_no_events_are_told_apart_by_what_they_are(self, post: Post) -> None:
        for payload in (b"a", b"b", b"b"):
            await post.file(headers={}, payload=payload, subject="crm.customers.account.updated.v1.x")
        assert len(await post.waiting()) == 2


def _with(post: Post, contracts: Contracts) -> Post:
    other = Post(post.platform)
    other.contracts = contracts
    return other
