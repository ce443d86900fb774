"""The methods that every service has, over REST: the gateway asks all, or the one that an id names."""

import asyncio
from typing import Any

import httpx
import pytest

from rotunda_gateway.contracts.calls import implements
from rotunda_kit.db.engine import Database
from rotunda_kit.dead_letters.filing import file_dead_letter
from rotunda_kit.model import new_id
from rotunda_local.platform import Platform

from .problems import assert_problem
from .reflection import Catalogue, Kind, Method
from .rest import Rest
from .walk import each

SERVERS = ["customers", "sales", "service-desk", "marketing", "sync", "access"]


@pytest.fixture
def letters(platform: Platform) -> list[str]:
    """A dead letter in sales, and one in access: their event ids."""

    async def file(name: str) -> str:
        event_id = str(new_id())
        database = Database(platform.postgres.url(name, name, platform.home.database_password(name)), 1)
        await file_dead_letter(
            database,
            f"{name}-from-nobody",
            subject="crm.nobody.thing.changed.v1.x",
            headers={"ce-id": event_id, "ce-type": "nobody.thing.changed"},
            payload=b"",
            tries=3,
            error="ValueError",
        )
        await database.close()
        return event_id

    return [asyncio.run(file(name)) for name in ("sales", "access")]


def listed(client: httpx.Client, event_id: str) -> dict[str, Any]:
    (letter,) = (
        client.get("/v1/deadLetters", params={"filter": f'eventId = "{event_id}"'})
        .raise_for_status()
        .json()["deadLetters"]
    )
    return dict(letter)


class TestContract:
    @each(Kind.CONTRACT)
    def test_every_service_has_it(self, method: Method, servers: dict[str, Catalogue]) -> None:
        having = [name for name, catalogue in servers.items() if method.name in catalogue.methods]
        assert having == [name for name in SERVERS if implements(name.replace("-", "_"), method.descriptor)]

    @each(Kind.CONTRACT, where=lambda method: method.noun == "kit.dead_letter" and method.variables)
    def test_an_id_that_names_no_service_is_not_found(self, method: Method, rest: Rest) -> None:
        for record_id in ("mars-1", "sales-0", "17"):
            assert_problem(rest.send(method, {"id": record_id}), 404, method.not_found)


class TestDeadLetters:
    def test_they_are_listed_gone_through_and_settled(self, client: httpx.Client, letters: list[str]) -> None:
        for service, event_id in zip(("sales", "access"), letters, strict=True):
            letter = listed(client, event_id)
            assert (letter["service"], letter["state"], letter["tries"]) == (service, "WAITING", 3)
            path = f"/v1/deadLetters/{letter['id']}"
            assert client.get(path).raise_for_status().json() == letter
            assert_problem(client.post(f"{path}:replay"), 409, "REPLAY_FAILED")
            batch = client.post("/v1/deadLetters:batchReplay", json={"ids": [letter["id"]]}).raise_for_status()
            assert [result["error"]["reason"] for result in batch.json()["results"]] == ["REPLAY_FAILED"]
            assert client.post(f"{path}:discard").raise_for_status().json()["state"] == "DISCARDED"

    def test_the_list_asks_every_service(self, client: httpx.Client) -> None:
        answer = client.get("/v1/deadLetters").raise_for_status().json()
        assert answer["unreachable"] == []
