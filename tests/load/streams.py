"""What it costs that many clients read the live stream: `python tests/load/streams.py`.

A platform of its own. So many changes a second are made, and as many records read, first while nobody listens, then
while so many streams are open, of a tenth as many users, each of whom hears of every tenth change by a share of the
work. Tells how long requests took, how soon changes were heard, and what the gateway used.
"""

import argparse
import asyncio
import json
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import cast

import httpx
import uvloop
from measuring import percentile
from processes import Processes
from rich.console import Console
from rich.table import Table

from rotunda_kit.testing.waiting import eventually
from rotunda_local.platform import Platform
from rotunda_local.ports import HOST, free_ports

PASSWORD = "correct horse battery"
REPRESENTATIVE = "00000000-0000-7000-8000-000000000003"
# Streams of one user, and users in one team: they hear of one another's records.
OF_USER, OF_TEAM = 10, 10
PATIENCE = 30.0
TITLE = "milliseconds: p50 / p95 / max"


class Stream(asyncio.Protocol):
    """One client, and how long after each change he heard of it."""

    def __init__(self, heard: "Heard", token: str) -> None:
        self._heard = heard
        self._head = f"GET /v1/stream HTTP/1.1\r\nHost: rotunda\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        self._line = b""
        self.begun = asyncio.Event()
        self.lost = False

    async def open(self, port: int) -> None:
        """Connect to a gateway of this machine."""
        await asyncio.get_running_loop().create_connection(lambda: self, HOST, port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        cast("asyncio.Transport", transport).write(self._head)

    def connection_lost(self, _: Exception | None) -> None:
        self.lost = True

    def data_received(self, data: bytes) -> None:
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            if line.startswith(b"retry"):
                self.begun.set()
            elif line.startswith(b"data: "):
                self._heard.note(json.loads(line[6:])["record"]["id"])


@dataclass
class Heard:
    """When records were made, and how many milliseconds later streams heard of them."""

    made: dict[str, float] = field(default_factory=dict)
    early: dict[str, list[float]] = field(default_factory=dict)
    delays: list[float] = field(default_factory=list)

    def note(self, record_id: str) -> None:
        """A stream heard of a record."""
        if record_id in self.made:
            self.delays.append((time.perf_counter() - self.made[record_id]) * 1000)
        else:
            # Before the answer to whoever made it.
            self.early.setdefault(record_id, []).append(time.perf_counter())

    def make(self, record_id: str, sent: float) -> None:
        """A record was made."""
        self.made[record_id] = sent
        self.delays += [(at - sent) * 1000 for at in self.early.pop(record_id, ())]

    def by(self, count: int) -> Callable[[], Awaitable[bool]]:
        """Whether so often a change was heard of."""

        async def heard() -> bool:
            return len(self.delays) >= count

        return heard


def spread(values: Sequence[float]) -> str:
    """The middle of some values, where the slowest begin, and the last, in whole milliseconds."""
    ordered = sorted(values)
    return " / ".join(f"{percentile(ordered, share):.0f}" for share in (0.5, 0.95, 1)) if ordered else ""


class Office:
    """Makes users, changes and reads over HTTP, as an administrator."""

    def __init__(self, platform: Platform, client: httpx.AsyncClient) -> None:
        self._platform = platform
        self._client = client
        self.writes: list[float] = []
        self.reads: list[float] = []

    async def sign_in(self, username: str, password: str) -> str:
        form = {"username": username, "password": password}
        answer = await self._client.post("/v1/auth/token", data=form)
        return str(answer.raise_for_status().json()["access_token"])

    async def users(self, count: int) -> list[tuple[str, str]]:
        """Ids and tokens of new users."""
        found = []
        team = ""
        for number in range(count):
            if number % OF_TEAM == 0:
                answer = await self._client.post("/v1/teams", json={"displayName": f"Team {number}"})
                team = answer.raise_for_status().json()["id"]
            user = {
                "username": f"listener{number}",
                "displayName": "Listener",
                "password": PASSWORD,
                "teamIds": [team],
                "roleIds": [REPRESENTATIVE],
            }
            answer = await self._client.post("/v1/users", json=user)
            user_id = answer.raise_for_status().json()["id"]
            found.append((user_id, await self.sign_in(user["username"], PASSWORD)))  # type: ignore[arg-type]
        return found

    async def work(self, rate: float, seconds: float, owners: Sequence[str], heard: Heard) -> None:
        """Make and read so many records a second, whether the last answers are there or not."""
        self.writes, self.reads = [], []
        whose = cycle(owners)
        begin = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                await asyncio.sleep(max(0.0, begin + number / rate - asyncio.get_running_loop().time()))
                group.create_task(self._change(next(whose), heard))

    async def _change(self, owner: str, heard: Heard) -> None:
        began = time.perf_counter()
        answer = await self._client.post("/v1/accounts", json={"displayName": "Changed", "ownerId": owner})
        account_id = answer.raise_for_status().json()["id"]
        heard.make(account_id, began)
        self.writes.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        (await self._client.get(f"/v1/accounts/{account_id}")).raise_for_status()
        self.reads.append((time.perf_counter() - began) * 1000)


async def measure(count: int, rate: float, seconds: float, console: Console) -> None:
    """Show both."""
    platform = Platform(Path(tempfile.mkdtemp()), free_ports(), example_data=False, attached=True)
    try:
        await asyncio.to_thread(platform.up)
        async with httpx.AsyncClient(base_url=platform.url, trust_env=False, timeout=PATIENCE) as client:
            office = Office(platform, client)
            token = await office.sign_in(platform.access.username, platform.access.password)
            client.headers["Authorization"] = f"Bearer {token}"
            users = await office.users(count // OF_USER)
            owners = [user_id for user_id, _ in users]
            processes = Processes(platform)
            table = Table("streams", "create", "get", "heard", "heard of", "gateway CPU", "gateway MiB", title=TITLE)
            await office.work(rate, 3, owners, Heard())
            streams: list[Stream] = []
            for listening in (0, count):
                heard = Heard()
                streams += [Stream(heard, each) for each in islice(cycle(token for _, token in users), listening)]
                for stream in streams:
                    await stream.open(platform.ports["gateway"])
                async with asyncio.timeout(PATIENCE):
                    for stream in streams:
                        await stream.begun.wait()
                cpu = processes.cpu()["gateway"]
                await office.work(rate, seconds, owners, heard)
                used = processes.cpu()["gateway"] - cpu
                wanted = len(heard.made) * OF_USER * OF_TEAM if listening else 0
                await eventually(heard.by(wanted), PATIENCE)
                table.add_row(
                    str(listening),
                    spread(office.writes),
                    spread(office.reads),
                    spread(heard.delays),
                    f"{len(heard.delays)} of {wanted}",
                    f"{used / seconds:.0%}",
                    f"{processes.memory()['gateway'] / 2**20:.0f}",
                )
            console.print(table)
            console.print(f"{sum(stream.lost for stream in streams)} streams were lost")
    finally:
        await asyncio.to_thread(platform.down)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--streams", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=20.0, help="changes a second")
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(measure(options.streams, options.rate, options.seconds, Console()))


if __name__ == "__main__":
    main()
