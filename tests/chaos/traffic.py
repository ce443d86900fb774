"""Many users who write through the gateway, each write again and again until it is accepted."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from rotunda_kit.model import new_id
from rotunda_kit.testing.waiting import eventually
from rotunda_local.home import Access

# 409 is for good, unless it is one of these.
PASSING = frozenset({"REQUEST_IN_FLIGHT", "CONCURRENT_CHANGE"})
# Seconds between two tries of a write, at most.
PAUSE = 1.5
# Seconds.
TIMEOUT = 30.0


@dataclass
class Ledger:
    """What was accepted."""

    # Ids by addresses, each of which was asked for once.
    contacts: dict[str, str] = field(default_factory=dict)
    # How often each account was renamed, by its id.
    renames: Counter[str] = field(default_factory=Counter)
    # Answers that were neither success nor a reason to try again.
    refusals: list[str] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        return len(self.contacts) + self.renames.total()


class Traffic:
    """Writers at work.

    Args:
        access: how to sign in.
        writers: how many write at the same time.
        accounts: how many there are to rename.
    """

    def __init__(self, access: Access, writers: int, accounts: int) -> None:
        self.ledger = Ledger()
        self.in_flight = 0
        # Requests that broke off.
        self.unanswered = 0
        self._access = access
        self._writers = writers
        self._accounts = accounts
        self._ended = asyncio.Event()
        self._work: asyncio.Task[Any] | None = None
        # A proxy for the world outside does not know this machine's ports.
        self._client = httpx.AsyncClient(
            base_url=access.url, timeout=TIMEOUT, limits=httpx.Limits(max_connections=writers), trust_env=False
        )

    async def __aenter__(self) -> Self:
        form = {"username": self._access.username, "password": self._access.password}
        answer = (await self._client.post("/v1/auth/token", data=form)).raise_for_status()
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        ids = []
        for number in range(self._accounts):
            account = await self._write("POST", "/v1/accounts", {"displayName": f"Account {number}"})
            assert account is not None
            ids.append(account["id"])
            self.ledger.renames[account["id"]] = 0
        self._work = asyncio.gather(*(self._writer(number, ids) for number in range(self._writers)))  # type: ignore[assignment]
        return self

    async def accepts(self, timeout: float = TIMEOUT) -> None:  # noqa: ASYNC109 - reads as a sentence
        """Waits until a write is accepted, at most `timeout` seconds."""
        before = self.ledger.accepted

        async def more() -> bool:
            return self.ledger.accepted > before

        await eventually(more, timeout)

    async def end(self) -> Ledger:
        """Lets every writer finish the write that it is at."""
        self._ended.set()
        assert self._work is not None
        await self._work
        return self.ledger

    async def __aexit__(self, *_: object) -> None:
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        await self._client.aclose()

    async def _writer(self, number: int, accounts: list[str]) -> None:
        chance = random.Random(number)
        while not self._ended.is_set():
            if chance.random() < 0.5:
                email = f"{new_id().hex}@example.com"
                contact = await self._write("POST", "/v1/contacts", {"lastName": "Noether", "email": email})
                if contact is not None:
                    self.ledger.contacts[email] = contact["id"]
            else:
                account_id = chance.choice(accounts)
                name = f"Renamed {new_id().hex}"
                if await self._write("PATCH", f"/v1/accounts/{account_id}", {"displayName": name}) is not None:
                    self.ledger.renames[account_id] += 1

    async def _write(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """The record that was written; None if it was refused for good."""
        headers = {"Idempotency-Key": new_id().hex}
        self.in_flight += 1
        try:
            while True:
                try:
                    answer = await self._client.request(method, path, json=body, headers=headers)
                except httpx.TransportError:
                    # Nobody knows whether it was done: the same key makes it safe to ask again.
                    self.unanswered += 1
                    await asyncio.sleep(random.uniform(PAUSE / 10, PAUSE))
                    continue
                if answer.is_success:
                    return answer.json()
                reason = answer.json().get("reason", "")
                if answer.status_code not in (503, 504) and reason not in PASSING:
                    self.ledger.refusals.append(f"{method} {path}: {answer.status_code} {reason}")
                    return None
                await asyncio.sleep(random.uniform(PAUSE / 10, PAUSE))
        finally:
            self.in_flight -= 1
