"""Versions of records, and the order in which the outbox tells of them."""

import asyncio
import random

import pytest
from sqlalchemy import text

from rotunda_kit.errors import EtagMismatch
from rotunda_kit.testing.platform import TestPlatform

ACCOUNTS = "rotunda.customers.v1.AccountService."
WRITERS, WRITES, RECORDS = 30, 8, 5


class TestUpdate:
    async def test_versions_rise_by_one_in_the_order_of_the_outbox_under_thirty_writers(
        self, platform: TestPlatform
    ) -> None:
        ids = []
        for number in range(RECORDS):
            answer = await platform.call(f"{ACCOUNTS}CreateAccount", account={"display_name": f"Account {number}"})
            ids.append(answer.account.id)

        async def write(writer: int) -> None:
            chance = random.Random(writer)
            for number in range(WRITES):
                account = {"id": chance.choice(ids), "display_name": f"Named by {writer} for the {number}. time"}
                await platform.call(f"{ACCOUNTS}UpdateAccount", account=account)

        await asyncio.gather(*map(write, range(WRITERS)))
        versions: dict[str, list[int]] = {}
        async with platform.runtimes["customers"].database.reading() as connection:
            told = await connection.execute(
                text("SELECT aggregate_id, aggregate_version FROM outbox WHERE aggregate_id = ANY(:ids) ORDER BY id"),
                {"ids": ids},
            )
            for aggregate_id, version in told:
                versions.setdefault(str(aggregate_id), []).append(version)
        assert sorted(versions) == sorted(ids)
        assert sum(map(len, versions.values())) == RECORDS + WRITERS * WRITES
        for told_versions in versions.values():
            assert told_versions == list(range(1, len(told_versions) + 1))

    async def test_of_writers_who_read_the_same_version_one_succeeds(self, platform: TestPlatform) -> None:
        answer = await platform.call(f"{ACCOUNTS}CreateAccount", account={"display_name": "Read by all"})
        etag = answer.account.etag
        results = await asyncio.gather(
            *(
                platform.call(
                    f"{ACCOUNTS}UpdateAccount",
                    account={"id": answer.account.id, "display_name": f"Writer {writer}", "etag": etag},
                )
                for writer in range(10)
            ),
            return_exceptions=True,
        )
        refused = [result for result in results if isinstance(result, EtagMismatch)]
        assert len(refused) == 9
        assert {error.metadata["etag"] for error in refused} == {"2"}

    async def test_a_stale_write_is_refused_whatever_it_would_change(self, platform: TestPlatform) -> None:
        answer = await platform.call(f"{ACCOUNTS}CreateAccount", account={"display_name": "Stale"})
        with pytest.raises(EtagMismatch):
            await platform.call(
                f"{ACCOUNTS}UpdateAccount", account={"id": answer.account.id, "display_name": "Stale", "etag": "7"}
            )
