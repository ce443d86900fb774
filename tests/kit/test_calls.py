"""Calls in bad company: dead-locks, a process that is about to stop, and input that is wrong throughout."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from rotunda.customers.v1 import account_service_pb2 as pb
from rotunda_customers.accounts.model import Account
from rotunda_customers.accounts.service import AccountService, accounts
from rotunda_customers.app import app as customers
from rotunda_gateway.access.app import app as access
from rotunda_kit.db.engine import Database
from rotunda_kit.errors import Conflict, InvalidArgument, Unavailable
from rotunda_kit.model import new_id
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import command
from rotunda_kit.testing.platform import TestPlatform
from rotunda_kit.testing.waiting import eventually

ACCOUNTS = "rotunda.customers.v1.AccountService."
GROUPS = "rotunda.access.v1.GroupService."

Start = Callable[..., Awaitable[TestPlatform]]
Update = Callable[[Command, Any], Awaitable[None]]


def with_update(before: Update) -> Any:
    """The customers service, whose update of an account first does something else."""

    class Service(AccountService, service="rotunda.customers.v1.AccountService"):
        @command
        async def UpdateAccount(self, request: pb.UpdateAccountRequest, call: Command) -> Any:
            await before(call, request)
            return await accounts.update().handle(self, request, call)

    servicers = [Service if servicer is AccountService else servicer for servicer in customers.servicers]
    return replace(customers, servicers=servicers)


async def create(platform: TestPlatform, name: str) -> str:
    answer = await platform.call(f"{ACCOUNTS}CreateAccount", account={"display_name": name})
    account_id: str = answer.account.id
    return account_id


async def update(platform: TestPlatform, account_id: str, name: str, **fields: Any) -> Any:
    return await platform.call(f"{ACCOUNTS}UpdateAccount", account={"id": account_id, "display_name": name, **fields})


class TestDeadLock:
    async def test_who_was_chosen_to_give_way_does_his_work_again(self, start: Start) -> None:
        both_hold_one = asyncio.Barrier(2)
        attempts = 0

        async def lock_the_other_first(call: Command, request: pb.UpdateAccountRequest) -> None:
            nonlocal attempts
            attempts += 1
            other = UUID(request.account.description)
            await call.session.execute(select(Account.id).where(Account.id == other).with_for_update())
            if attempts <= 2:
                await both_hold_one.wait()

        platform = await start(with_update(lock_the_other_first))
        left, right = await create(platform, "Left"), await create(platform, "Right")
        answers = await asyncio.gather(
            update(platform, left, "Left, changed", description=right),
            update(platform, right, "Right, changed", description=left),
        )
        assert attempts == 3
        assert [answer.account.display_name for answer in answers] == ["Left, changed", "Right, changed"]
        assert [answer.account.etag for answer in answers] == ["2", "2"]
        async with platform.runtimes["customers"].database.reading() as connection:
            assert await connection.scalar(text("SELECT count(*) FROM outbox WHERE verb = 'updated'")) == 2

    async def test_after_three_attempts_the_caller_is_asked_to_try_again(self, start: Start) -> None:
        attempts = 0

        async def meet_a_dead_lock(call: Command, _request: Any) -> None:
            nonlocal attempts
            attempts += 1
            await call.session.execute(text("DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40P01'; END $$"))

        platform = await start(with_update(meet_a_dead_lock))
        account_id = await create(platform, "Always locked")
        with pytest.raises(Conflict) as caught:
            await update(platform, account_id, "Never")
        assert caught.value.reason == "CONCURRENT_CHANGE"
        assert attempts == 3


class TestStop:
    async def test_calls_in_flight_are_finished_and_new_ones_are_refused(self, start: Start) -> None:
        arrived, may_go_on = asyncio.Event(), asyncio.Event()

        async def wait(_call: Command, _request: Any) -> None:
            arrived.set()
            await may_go_on.wait()

        platform = await start(with_update(wait))
        account_id = await create(platform, "Before")
        in_flight = asyncio.create_task(update(platform, account_id, "After"))
        await arrived.wait()
        # Longer than a caller tries.
        platform.runtimes["customers"].settings.stop_grace = 30
        stopping = asyncio.create_task(platform.stop("customers"))

        async def refused() -> bool:
            try:
                await create(platform, "Too late")
            except Unavailable:
                return True
            return False

        await eventually(refused)
        assert not stopping.done()
        may_go_on.set()
        answer = await in_flight
        assert answer.account.display_name == "After"
        assert answer.account.etag == "2"
        await stopping

    async def test_calls_that_take_longer_than_the_grace_are_cut_off_and_leave_nothing(self, start: Start) -> None:
        arrived, never = asyncio.Event(), asyncio.Event()

        async def wait(_call: Command, _request: Any) -> None:
            arrived.set()
            await never.wait()

        platform = await start(with_update(wait))
        account_id = await create(platform, "Before")
        in_flight = asyncio.create_task(update(platform, account_id, "After"))
        await arrived.wait()
        url = platform.runtimes["customers"].database.url
        await platform.stop("customers")
        with pytest.raises(Unavailable):
            await in_flight
        database = Database(url, 1)
        async with database.reading() as connection:
            assert await connection.scalar(text("SELECT display_name FROM account")) == "Before"
        await database.close()


class TestWrongInput:
    async def test_each_of_a_thousand_wrong_fields_is_named(self, start: Start) -> None:
        platform = await start(access)
        group = {"display_name": "Everybody"}
        created = await platform.call(f"{GROUPS}CreateGroup", group=group)
        nobody = [str(new_id()) for _ in range(1000)]
        with pytest.raises(InvalidArgument) as raised:
            await platform.call(f"{GROUPS}AddGroupMembers", id=created.group.id, user_ids=nobody)
        assert [violation.field for violation in raised.value.violations] == [f"user_ids[{n}]" for n in range(1000)]
        named = ", ".join(f"user_ids[{n}]" for n in range(10))
        assert raised.value.detail == f"Wrong input: {named} and 990 more."
