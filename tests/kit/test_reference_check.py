"""Requests that name others' records: looked up in the own copy, and asked of their owner once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from rotunda.access.v1 import user_service_pb2
from rotunda_customers.app import app as customers
from rotunda_gateway.access.app import app as access
from rotunda_gateway.access.users.service import UserService, users
from rotunda_kit.errors import InvalidArgument, Unavailable
from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.model import new_id
from rotunda_kit.server.call import Call
from rotunda_kit.server.method import query
from rotunda_kit.testing.platform import TestPlatform

CREATE = "rotunda.customers.v1.AccountService.CreateAccount"
BATCH = "rotunda.customers.v1.AccountService.BatchCreateAccounts"

Start = Callable[..., Awaitable[TestPlatform]]


class Owner:
    """Access, and how often it was asked for whom."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        owner = self

        class Users(UserService, service="rotunda.access.v1.UserService"):
            @query
            async def GetUser(self, request: user_service_pb2.GetUserRequest, call: Call) -> Any:
                owner.asked[request.id] += 1
                return await users.get().handle(self, request, call)

        servicers = [Users if servicer is UserService else servicer for servicer in access.servicers]
        self.service = replace(access, servicers=servicers)


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
async def platform(start: Start, owner: Owner) -> TestPlatform:
    return await start(owner.service, customers)


async def new_user(platform: TestPlatform) -> str:
    name = f"user-{new_id().hex}"
    answer = await platform.call(
        "rotunda.access.v1.UserService.CreateUser",
        user={"username": name, "display_name": "Emmy Noether", "role_ids": [ADMINISTRATOR]},
    )
    user_id: str = answer.user.id
    return user_id


def account(owner_id: str, name: str = "Owned") -> dict[str, str]:
    return {"display_name": name, "owner_id": owner_id}


class TestMiss:
    async def test_the_owner_is_asked_once_and_its_answer_kept(self, platform: TestPlatform, owner: Owner) -> None:
        user_id = await new_user(platform)
        first = await platform.call(CREATE, account=account(user_id))
        assert first.account.owner_display_name == "Emmy Noether"
        await platform.call(CREATE, account=account(user_id))
        assert owner.asked == {user_id: 1}

    async def test_a_batch_asks_once_for_each_record_that_it_names(self, platform: TestPlatform, owner: Owner) -> None:
        known = [await new_user(platform) for _ in range(3)]
        missing = str(new_id())
        named = [*known * 5, missing]
        answer = await platform.call(BATCH, requests=[{"account": account(user_id)} for user_id in named])
        failed = [n for n, result in enumerate(answer.results) if result.HasField("error")]
        assert failed == [15]
        assert owner.asked == dict.fromkeys([*known, missing], 1)

    async def test_many_at_once_keep_one_copy(self, platform: TestPlatform, owner: Owner) -> None:
        user_id = await new_user(platform)
        answers = await asyncio.gather(*(platform.call(CREATE, account=account(user_id)) for _ in range(10)))
        assert {answer.account.owner_display_name for answer in answers} == {"Emmy Noether"}

    async def test_a_record_that_nobody_has_is_refused_by_its_field(self, platform: TestPlatform, owner: Owner) -> None:
        with pytest.raises(InvalidArgument) as caught:
            await platform.call(CREATE, account=account(str(new_id())))
        assert [violation.field for violation in caught.value.violations] == ["account.owner_id"]

    async def test_a_record_that_was_missing_may_come_later(self, platform: TestPlatform, owner: Owner) -> None:
        user_id = await new_user(platform)
        missing = str(new_id())
        for _ in range(2):
            with pytest.raises(InvalidArgument):
                await platform.call(CREATE, account=account(missing))
        assert owner.asked == {missing: 2}
        await platform.call(CREATE, account=account(user_id))


class TestOwnerAway:
    async def test_what_is_known_can_be_named_and_what_is_not_must_wait(
        self, platform: TestPlatform, owner: Owner
    ) -> None:
        known, unknown = await new_user(platform), await new_user(platform)
        await platform.call(CREATE, account=account(known))
        await platform.stop("access")
        await platform.call(CREATE, account=account(known))
        with pytest.raises(Unavailable):
            await platform.call(CREATE, account=account(unknown))
