"""Whom the gateway takes a caller for."""

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from rotunda_gateway.access.app import app as access
from rotunda_gateway.app import make_app
from rotunda_gateway.auth import callers as module
from rotunda_gateway.auth.callers import Callers
from rotunda_gateway.auth.sessions import AUDIENCE
from rotunda_kit.errors import Unauthenticated
from rotunda_kit.identity import ADMINISTRATOR, TokenVerifier
from rotunda_kit.model import new_id
from rotunda_kit.runtime import Runtime
from rotunda_kit.testing.platform import TestPlatform

from .conftest import Gateway, Person, SettingsOf, assert_problem


@pytest.fixture
def callers(platform: TestPlatform, monkeypatch: pytest.MonkeyPatch) -> Callers:
    """Looks at its callers when the test says so."""
    runtime = platform.runtimes["access"]
    tokens = TokenVerifier.from_file(platform.keys_file, AUDIENCE)
    callers = Callers(runtime, platform.issuer, tokens)

    async def keep_no_watch() -> None:
        pass

    monkeypatch.setattr(callers, "_keep_watch", keep_no_watch)
    return callers


async def test_nothing_is_read_any_more_when_the_process_stops(platform: TestPlatform, person: Person) -> None:
    others = watches()
    runtime = Runtime(access, platform.runtimes["access"].settings)
    callers = Callers(runtime, platform.issuer, TokenVerifier.from_file(platform.keys_file, AUDIENCE))
    await callers.authenticate({"authorization": f"Bearer {person.token}"})
    [watch] = watches() - others
    await runtime.stop()
    # A read after this would open a connection again, and nobody would close it.
    assert watch.done()


def watches() -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__name__", "") == "_keep_watch"}


class Clock:
    """The monotonic clock, put forward by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def reads(callers: Callers, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """About how many callers each reading asked."""
    asked: list[int] = []
    read = callers._read

    async def counted(keys: Any) -> Any:
        asked.append(len(keys))
        return await read(keys)

    monkeypatch.setattr(callers, "_read", counted)
    return asked


class TestCache:
    async def test_a_known_caller_costs_no_query(self, callers: Callers, person: Person, reads: list[int]) -> None:
        tokens = {await callers.authenticate({"authorization": f"Bearer {person.token}"}) for _ in range(50)}
        assert len(tokens) == 1
        assert reads == [1]

    async def test_all_callers_are_read_again_in_one_statement(
        self, callers: Callers, gateway: Gateway, reads: list[int]
    ) -> None:
        people = [await gateway.person() for _ in range(3)]
        for person in people:
            await callers.authenticate({"authorization": f"Bearer {person.token}"})
        reads.clear()
        await callers.look()
        assert reads == [3]

    async def test_who_does_not_call_any_more_is_forgotten(
        self, callers: Callers, person: Person, clock: Clock, reads: list[int]
    ) -> None:
        await callers.authenticate({"authorization": f"Bearer {person.token}"})
        clock.at += 31
        reads.clear()
        await callers.look()
        assert reads == [0]

    async def test_the_internal_token_is_never_older_than_half_its_life(
        self, callers: Callers, person: Person, clock: Clock
    ) -> None:
        headers = {"authorization": f"Bearer {person.token}"}
        first = (await callers.caller(headers))._minted
        clock.at += 29
        await callers.look()
        assert (await callers.caller(headers))._minted == first
        clock.at += 1
        assert (await callers.caller(headers))._minted == clock.at

    async def test_while_the_database_is_away_callers_live_on_for_thirty_seconds(
        self, callers: Callers, person: Person, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        headers = {"authorization": f"Bearer {person.token}"}
        await callers.authenticate(headers)

        async def away(*_: object) -> None:
            raise OperationalError("SELECT", {}, Exception())

        monkeypatch.setattr(callers, "_read", away)
        clock.at += 20
        with pytest.raises(OperationalError):
            await callers.look()
        await callers.authenticate(headers)
        clock.at += 11
        with pytest.raises(OperationalError):
            await callers.authenticate(headers)

    async def test_no_more_callers_are_kept_than_there_is_room_for(
        self, callers: Callers, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MOST", 2)
        for person in [await gateway.person() for _ in range(4)]:
            await callers.authenticate({"authorization": f"Bearer {person.token}"})
        assert len(callers._known) == 2

    async def test_a_token_of_a_session_that_never_was_is_refused(
        self, callers: Callers, platform: TestPlatform, person: Person
    ) -> None:
        for session in ("", str(new_id()), person.id):
            token = platform.issuer.mint(AUDIENCE, 60, {"sub": person.id, "sid": session})
            with pytest.raises(Unauthenticated) as refusal:
                await callers.authenticate({"authorization": f"Bearer {token}"})
            assert refusal.value.reason == "SESSION_ENDED"


class TestOnBehalfOf:
    async def act(self, gateway: Gateway, caller: Person, subject: str, path: str = "/v1/me") -> Any:
        return await gateway.send("GET", path, caller, headers={"Rotunda-On-Behalf-Of": subject})

    async def test_the_subjects_rights_count_and_the_actor_is_told(
        self, gateway: Gateway, callers: Callers, administrator: Person, person: Person
    ) -> None:
        response = await self.act(gateway, administrator, person.id)
        assert response.json()["id"] == person.id
        caller = await callers.caller(
            {"authorization": f"Bearer {administrator.token}", "rotunda-on-behalf-of": person.id.upper()}
        )
        assert (caller.principal.subject, caller.principal.actor) == (person.id, administrator.id)
        assert not caller.principal.administrator
        create = {"username": f"u{new_id().hex}", "displayName": "New"}
        response = await gateway.send(
            "POST", "/v1/users", administrator, json=create, headers={"Rotunda-On-Behalf-Of": person.id}
        )
        assert_problem(response, 403, "PERMISSION_MISSING")

    async def test_is_refused_to_who_may_not(self, gateway: Gateway, person: Person, administrator: Person) -> None:
        for subject in (administrator.id, person.id, str(new_id())):
            assert_problem(await self.act(gateway, person, subject), 403, "ACTING_NOT_ALLOWED")

    async def test_nobody_acts_for_who_is_not_there_or_inactive(
        self, gateway: Gateway, platform: TestPlatform, administrator: Person, person: Person
    ) -> None:
        assert_problem(await self.act(gateway, administrator, str(new_id())), 403, "ACTING_FOR_NOBODY")
        assert_problem(await self.act(gateway, administrator, "x"), 400, "INVALID_FIELDS", "Rotunda-On-Behalf-Of")
        await self.act(gateway, administrator, person.id)
        await platform.call("rotunda.access.v1.UserService.UpdateUser", user={"id": person.id, "active": False})

        async def refused() -> bool:
            return bool((await self.act(gateway, administrator, person.id)).status_code == 403)

        async with asyncio.timeout(1.5):
            while not await refused():
                pass

    async def test_an_administrator_may_act_for_another(self, gateway: Gateway, administrator: Person) -> None:
        other = await gateway.person(role_ids=[ADMINISTRATOR])
        assert (await self.act(gateway, administrator, other.id)).json()["id"] == other.id

    async def test_ones_own_credentials_are_nobody_elses(
        self, gateway: Gateway, administrator: Person, person: Person
    ) -> None:
        response = await self.act(gateway, administrator, person.id, "/v1/sessions")
        assert_problem(response, 403, "SESSION_REQUIRED")


class TestRateLimits:
    async def test_a_credential_that_asks_too_often_is_told_when_to_come_again(
        self, platform: TestPlatform, gateway: Gateway, person: Person, settings_of: SettingsOf
    ) -> None:
        runtime = platform.runtimes["access"]
        settings = settings_of(runtime, platform, rate_limit_read=0.1, rate_limit_burst=20)
        limited = Gateway(make_app(runtime, settings), platform)
        other = await gateway.again(person)
        answers = [await limited.send("GET", "/v1/me", person) for _ in range(3)]
        assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
        assert [answer.headers["ratelimit-limit"] for answer in answers] == ["2", "2", "2"]
        assert_problem(answers[2], 429, "RATE_LIMITED")
        assert 1 <= int(answers[2].headers["retry-after"]) <= 10
        # Another session of the same user has a bucket of its own, and so has another class.
        assert (await limited.send("GET", "/v1/me", other)).status_code == 200
        assert "ratelimit-limit" not in (await limited.send("POST", "/v1/users", person, json={})).headers
