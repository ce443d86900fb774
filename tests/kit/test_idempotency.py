"""The same request of the same caller does its work once."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from rotunda_kit.errors import AlreadyExists, Conflict, IdempotencyKeyReused
from rotunda_kit.model import new_id
from rotunda_kit.server import pipeline
from rotunda_kit.testing.platform import TestPlatform

CREATE = "rotunda.customers.v1.ContactService.CreateContact"
UPDATE = "rotunda.customers.v1.ContactService.UpdateContact"


async def effects(platform: TestPlatform, email: str) -> tuple[int, int]:
    """How many contacts there are with an address, and how many events about them."""
    async with platform.runtimes["customers"].database.reading() as connection:
        found = await connection.execute(
            text(
                "SELECT count(DISTINCT contact.id), count(outbox.id) FROM contact"
                " LEFT JOIN outbox ON outbox.aggregate_id = contact.id WHERE email = :email"
            ),
            {"email": email},
        )
        contacts, events = found.one()
        return contacts, events


def new_contact() -> tuple[dict[str, str], str, str]:
    """A contact, its address, and a request id."""
    email = f"{new_id().hex}@example.com"
    return {"last_name": "Noether", "email": email}, email, str(new_id())


class TestReplay:
    async def test_the_same_request_again_gets_the_same_answer_and_does_nothing(self, platform: TestPlatform) -> None:
        contact, email, request_id = new_contact()
        first = await platform.call(CREATE, contact=contact, request_id=request_id)
        again = await platform.call(CREATE, contact=contact, request_id=request_id)
        assert again == first
        assert await effects(platform, email) == (1, 1)

    async def test_the_answer_is_that_of_then_even_if_the_record_changed_since(self, platform: TestPlatform) -> None:
        contact, email, request_id = new_contact()
        first = await platform.call(CREATE, contact=contact, request_id=request_id)
        await platform.call(UPDATE, contact={"id": first.contact.id, "last_name": "Hilbert"})
        assert await platform.call(CREATE, contact=contact, request_id=request_id) == first
        assert await effects(platform, email) == (1, 2)

    async def test_another_request_with_the_same_id_is_refused(self, platform: TestPlatform) -> None:
        contact, email, request_id = new_contact()
        await platform.call(CREATE, contact=contact, request_id=request_id)
        with pytest.raises(IdempotencyKeyReused):
            await platform.call(CREATE, contact=contact | {"last_name": "Hilbert"}, request_id=request_id)
        assert await effects(platform, email) == (1, 1)

    async def test_a_request_id_belongs_to_its_caller_and_its_method(self, platform: TestPlatform) -> None:
        contact, email, request_id = new_contact()
        created = await platform.call(CREATE, contact=contact, request_id=request_id)
        await platform.call(CREATE, platform.token(subject=str(new_id())), contact=contact, request_id=request_id)
        await platform.call(UPDATE, contact={"id": created.contact.id, "last_name": "Klein"}, request_id=request_id)
        assert await effects(platform, email) == (2, 3)

    async def test_a_request_that_failed_may_be_sent_again(self, platform: TestPlatform) -> None:
        contact, email, request_id = new_contact()
        external = {"system": "erp", "id": str(new_id())}
        taken = await platform.call(CREATE, contact={"last_name": "Owner", "external_ids": [external]})
        request: dict[str, Any] = {"contact": contact | {"external_ids": [external]}, "request_id": request_id}
        with pytest.raises(AlreadyExists):
            await platform.call(CREATE, **request)
        await platform.call("rotunda.customers.v1.ContactService.DeleteContact", id=taken.contact.id)
        await platform.call(CREATE, **request)
        assert await effects(platform, email) == (1, 1)


class TestTwins:
    async def test_of_twenty_twins_one_does_the_work_and_the_others_get_its_answer_or_are_told_to_wait(
        self, platform: TestPlatform
    ) -> None:
        contact, email, request_id = new_contact()

        reasons: set[str] = set()

        async def attempt() -> Any:
            while True:
                try:
                    return await platform.call(CREATE, contact=contact, request_id=request_id)
                except Conflict as error:
                    reasons.add(error.reason)

        answers = await asyncio.gather(*(attempt() for _ in range(20)))
        assert all(answer == answers[0] for answer in answers)
        assert reasons <= {"REQUEST_IN_FLIGHT"}
        assert await effects(platform, email) == (1, 1)

    @pytest.mark.parametrize("field", [{}, {"external_ids": [{"system": "crm", "id": "twin"}]}])
    async def test_a_twin_whose_claim_missed_the_answer_of_the_other_gets_it_all_the_same(
        self, platform: TestPlatform, monkeypatch: pytest.MonkeyPatch, field: dict[str, Any]
    ) -> None:
        contact, email, request_id = new_contact()
        request: dict[str, Any] = {"contact": contact | field, "request_id": request_id}
        first = await platform.call(CREATE, **request)

        async def blind(*_arguments: Any) -> None:
            """As if the other had committed after this statement's snapshot, and before its lock was asked for."""

        monkeypatch.setattr(pipeline, "kept_answer", blind)
        assert await platform.call(CREATE, **request) == first
        assert await effects(platform, email) == (1, 1)
