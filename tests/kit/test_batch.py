"""Batches: each item for itself, all in one transaction."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from rotunda.kit.v1 import resource_pb2
from rotunda_kit.model import new_id
from rotunda_kit.testing.platform import TestPlatform

BATCH = "rotunda.customers.v1.AccountService.BatchCreateAccounts"
CREATE = "rotunda.customers.v1.AccountService.CreateAccount"

CREATED, UPDATED, FAILED = (
    resource_pb2.BATCH_OUTCOME_CREATED,
    resource_pb2.BATCH_OUTCOME_UPDATED,
    resource_pb2.BATCH_OUTCOME_FAILED,
)


def external_id() -> dict[str, str]:
    return {"system": "erp", "id": new_id().hex}


async def told(platform: TestPlatform, ids: list[str]) -> dict[str, list[str]]:
    """Verbs of the events about records, by their ids."""
    async with platform.runtimes["customers"].database.reading() as connection:
        events = await connection.execute(
            text("SELECT aggregate_id, verb FROM outbox WHERE aggregate_id = ANY(:ids) ORDER BY id"),
            {"ids": [UUID(record_id) for record_id in ids]},
        )
        verbs: dict[str, list[str]] = {}
        for aggregate_id, verb in events:
            verbs.setdefault(str(aggregate_id), []).append(verb)
        return verbs


async def count(platform: TestPlatform, system: str) -> tuple[int, int]:
    """How many accounts a system has names for, and how many events there are about them."""
    async with platform.runtimes["customers"].database.reading() as connection:
        found = await connection.execute(
            text(
                "SELECT count(DISTINCT account.id), count(outbox.id) FROM external_id"
                " JOIN account ON account.id = resource_id LEFT JOIN outbox ON aggregate_id = account.id"
                " WHERE system = :system"
            ),
            {"system": system},
        )
        accounts, events = found.one()
        return accounts, events


class TestBatchCreate:
    async def test_one_item_that_the_database_refuses_fails_alone(self, platform: TestPlatform) -> None:
        system, taken = f"load {new_id().hex}", external_id()
        await platform.call(CREATE, account={"display_name": "First", "external_ids": [taken]})
        requests: list[dict[str, Any]] = [
            {"account": {"display_name": f"{n}", "external_ids": [{"system": system, "id": f"{n}"}]}}
            for n in range(200)
        ]
        requests[117]["account"]["external_ids"].append(taken)
        answer = await platform.call(BATCH, requests=requests)
        (failed,) = [n for n, result in enumerate(answer.results) if result.outcome != CREATED]
        assert failed == 117
        assert answer.results[117].outcome == FAILED
        assert not answer.results[117].HasField("account")
        assert answer.results[117].error.reason == "EXTERNAL_ID_TAKEN"
        created = [result.account for n, result in enumerate(answer.results) if n != 117]
        assert [account.display_name for account in created] == [f"{n}" for n in range(200) if n != 117]
        # Neither the whole that failed first nor the item that failed alone is told.
        assert await count(platform, system) == (199, 199)
        assert await told(platform, [account.id for account in created]) == {
            account.id: ["created"] for account in created
        }

    async def test_an_item_with_wrong_fields_fails_alone_and_names_them(self, platform: TestPlatform) -> None:
        requests: list[dict[str, Any]] = [{"account": {"display_name": f"{n}"}} for n in range(3)]
        requests[1] = {"account": {"display_name": "", "website": "no address", "owner_id": str(new_id())}}
        requests[2]["account"]["owner_id"] = str(new_id())
        answer = await platform.call(BATCH, requests=requests)
        assert [result.outcome for result in answer.results] == [CREATED, FAILED, FAILED]
        assert {error.field for error in answer.results[1].error.errors} == {"displayName", "website"}
        assert {error.field for error in answer.results[2].error.errors} == {"ownerId"}

    async def test_an_item_that_fails_on_a_record_of_an_earlier_item_leaves_that_as_it_was(
        self, platform: TestPlatform
    ) -> None:
        external, taken = external_id(), external_id()
        await platform.call(CREATE, account={"display_name": "Other", "external_ids": [taken]})
        answer = await platform.call(
            BATCH,
            upsert_by="externalIds",
            requests=[
                {"account": {"display_name": "Right", "external_ids": [external]}},
                # Changes the record of the first item, and then fails on a rule of it.
                {"account": {"display_name": "Wrong", "first_name": "Ada", "external_ids": [external]}},
            ],
        )
        assert [result.outcome for result in answer.results] == [CREATED, FAILED]
        account_id = answer.results[0].account.id
        now = await platform.call("rotunda.customers.v1.AccountService.GetAccount", id=account_id)
        assert now.account.display_name == "Right"
        assert await told(platform, [account_id]) == {account_id: ["created"]}

    async def test_two_items_for_one_external_id_create_one_record_and_change_it(self, platform: TestPlatform) -> None:
        external = external_id()
        answer = await platform.call(
            BATCH,
            upsert_by="externalIds",
            requests=[
                {"account": {"display_name": "First", "external_ids": [external]}},
                {"account": {"display_name": "Second", "external_ids": [external]}},
            ],
        )
        assert [result.outcome for result in answer.results] == [CREATED, UPDATED]
        first, second = (result.account for result in answer.results)
        assert first.id == second.id
        assert second.display_name == "Second"
        assert await told(platform, [first.id]) == {first.id: ["created", "updated"]}
