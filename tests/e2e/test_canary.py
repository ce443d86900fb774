"""Whatever the other tests have done, nothing that tells something about a person is told to operators."""

import asyncio
import re
from typing import TYPE_CHECKING

import httpx
import nats
import pytest

from rotunda_local.platform import Platform

from .collector import Collector
from .patience import seconds_until
from .records import CANARY, CANARY_PHONE, Records
from .test_telemetry import PROGRAMS

if TYPE_CHECKING:
    from .containers import ContainerPlatform

SECRET = re.compile(f"{CANARY}|{re.escape(CANARY_PHONE)}|{CANARY_PHONE.replace('+', '%2B')}", re.IGNORECASE)


@pytest.fixture(scope="module", autouse=True)
def canary(records: Records) -> None:
    """There is someone who might be told of, whichever tests were asked for."""
    records.create("customers.contact")


def logs_of(platform: "Platform | ContainerPlatform") -> dict[str, str]:
    """What each process has logged, by its name."""
    if isinstance(platform, Platform):
        return {log.name: log.read_text(errors="replace") for log in platform.home.logs.iterdir()}
    return platform.logs()


class TestCanary:
    def test_no_log_tells(self, platform: "Platform | ContainerPlatform") -> None:
        logs = logs_of(platform)
        assert {name.partition(".")[0] for name in logs} >= set(PROGRAMS)
        assert {name: found[0] for name, log in logs.items() if (found := SECRET.search(log))} == {}

    def test_no_metric_tells(self, platform: Platform) -> None:
        for program in PROGRAMS:
            address = f"http://127.0.0.1:{platform.ports[f'{program}-metrics']}/metrics"
            assert not SECRET.search(httpx.get(address, trust_env=False).text), program

    def test_no_trace_tells(self, collector: Collector) -> None:
        assert collector.texts
        assert not [found[0] for text in collector.texts if (found := SECRET.search(text))]

    def test_no_header_of_an_event_tells(self, platform: Platform) -> None:
        headers: list[str] = []

        def carried() -> bool:
            nonlocal headers
            headers, payloads = asyncio.run(_events(platform.nats.url))
            # Events themselves carry it, so there is something to find.
            return any(CANARY.encode() in payload for payload in payloads)

        seconds_until(carried, 30)
        assert not [found[0] for text in headers if (found := SECRET.search(text))]


async def _events(url: str) -> tuple[list[str], list[bytes]]:
    """Subject and headers, and the payload, of every event in the stream of customers."""
    client = await nats.connect(url)
    try:
        jetstream = client.jetstream()
        state = (await jetstream.stream_info("CUSTOMERS")).state
        subscription = await jetstream.subscribe("crm.customers.>", ordered_consumer=True)
        messages = [await subscription.next_msg(timeout=5) for _ in range(state.messages)]
        return [f"{message.subject} {message.headers}" for message in messages], [each.data for each in messages]
    finally:
        await client.close()
