"""Users who only look: whatever fails behind it, the gateway answers them, or says that they shall come again."""

import asyncio
import random
from collections import Counter
from typing import Any, Self

import httpx

from rotunda_local.home import Access

from .traffic import TIMEOUT

READERS = 5
# Seconds between two looks of a reader.
PAUSE = 0.2
PATHS = (
    *("/v1/accounts/{id}", "/v1/accounts/{id}/360", "/v1/accounts?pageSize=5"),
    *("/v1/opportunities?pageSize=5", "/v1/me"),
)
FINE = frozenset({200, 503, 504})


class Readers:
    """Readers at work.

    Args:
        access: how to sign in.
    """

    def __init__(self, access: Access) -> None:
        # Answers by path and status, but for those that may be.
        self.wrong: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()
        self._access = access
        # A proxy for the world outside does not know this machine's ports.
        self._client = httpx.AsyncClient(base_url=access.url, timeout=TIMEOUT, trust_env=False)
        self._work: asyncio.Task[Any] | None = None

    async def __aenter__(self) -> Self:
        form = {"username": self._access.username, "password": self._access.password}
        answer = (await self._client.post("/v1/auth/token", data=form)).raise_for_status()
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        accounts = (await self._client.get("/v1/accounts")).raise_for_status().json()["accounts"]
        ids = [account["id"] for account in accounts]
        self._work = asyncio.gather(*(self._read(random.Random(number), ids) for number in range(READERS)))  # type: ignore[assignment]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        await self._client.aclose()

    async def _read(self, chance: random.Random, ids: list[str]) -> None:
        while True:
            path = chance.choice(PATHS)
            try:
                answer = await self._client.get(path.format(id=chance.choice(ids)))
            except httpx.TransportError:
                await asyncio.sleep(PAUSE)
                continue
            self.answers[answer.status_code] += 1
            if answer.status_code not in FINE:
                self.wrong[f"{path}: {answer.status_code} {answer.text[:200]}"] += 1
            await asyncio.sleep(chance.uniform(0, 2 * PAUSE))
