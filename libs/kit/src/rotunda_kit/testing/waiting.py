"""Waiting for what happens beside the test."""

import asyncio
from collections.abc import Awaitable, Callable

POLL = 0.02


async def eventually(condition: Callable[[], Awaitable[object]], timeout: float = 10.0) -> None:  # noqa: ASYNC109 - reads as a sentence
    """Return as soon as a condition holds.

    Raises:
        TimeoutError: it does not within so many seconds.
    """
    async with asyncio.timeout(timeout):
        while not await condition():  # noqa: ASYNC110 - what is waited for happens in servers, too
            await asyncio.sleep(POLL)
