"""Processes are stopped and started again, one after the other, under load: nobody notices."""

import asyncio
import itertools
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from rotunda_kit.testing.waiting import eventually
from rotunda_local.errors import PlatformError
from rotunda_local.health import grpc_problem, http_problem
from rotunda_local.platform import Platform

from .platforms import twins

# Seconds.
STOP_DELAY = 1.0
LOOK_EVERY = 0.1
READY = 1.0
LIFE = 30.0
REQUESTS_A_SECOND = 100
# What `make test` restarts.
SOME = ["customers", "customers-b", "gateway-b"]


class Balancer:
    """Sends requests to gateways that are ready, in turns, as a load balancer does.

    Args:
        platform: with two gateways.
        token: of the one who sends them.
    """

    def __init__(self, platform: Platform, token: str) -> None:
        self._ports = [platform.ports["gateway"], platform.ports["gateway-b"]]
        self._clients = {
            port: httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}",
                headers={"Authorization": f"Bearer {token}"},
                timeout=30,
                trust_env=False,
            )
            for port in self._ports
        }
        self._ready = list(self._ports)
        self._turns = itertools.count()
        self.answers: Counter[str] = Counter()

    async def look(self) -> None:
        """See again and again who is ready."""
        while True:
            problems = [await asyncio.to_thread(http_problem, port) for port in self._ports]
            self._ready = [port for port, problem in zip(self._ports, problems, strict=True) if not problem]
            await asyncio.sleep(LOOK_EVERY)

    async def send(self, number: int, account_id: str) -> None:
        """Send one request, and count its answer."""
        client = self._clients[self._ready[next(self._turns) % len(self._ready)]]
        contact = {"lastName": f"Number {number}", "accountId": account_id}
        requests = (
            ("create", client.build_request("POST", "/v1/contacts", json=contact)),
            ("view", client.build_request("GET", f"/v1/accounts/{account_id}/360")),
            ("list", client.build_request("GET", "/v1/opportunities?pageSize=5")),
            ("get", client.build_request("GET", f"/v1/accounts/{account_id}")),
        )
        name, request = requests[number % len(requests)]
        try:
            response = await client.send(request)
        except httpx.HTTPError as error:
            self.answers[f"{name} {type(error).__name__}"] += 1
            return
        if response.is_error:
            problem = response.json()
            self.answers[f"{name} {problem['reason']} {problem['detail']}"] += 1
        else:
            self.answers[f"{name}, in part" if '"UNAVAILABLE"' in response.text else name] += 1

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()


@asynccontextmanager
async def load(platform: Platform) -> AsyncIterator[Balancer]:
    """So many requests a second, however long each takes."""
    access = platform.access
    async with httpx.AsyncClient(base_url=platform.url, trust_env=False) as client:
        form = {"username": access.username, "password": access.password}
        token = (await client.post("/v1/auth/token", data=form)).raise_for_status().json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        account = await client.post("/v1/accounts", json={"displayName": "Rotunda"}, headers=headers)
        account_id = account.raise_for_status().json()["id"]
    balancer = Balancer(platform, token)
    ended = asyncio.Event()

    async def send() -> None:
        begin = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for number in itertools.count():
                if ended.is_set():
                    return
                group.create_task(balancer.send(number, account_id))
                wait = begin + (number + 1) / REQUESTS_A_SECOND - asyncio.get_running_loop().time()
                await asyncio.sleep(max(0.0, wait))

    looking, sending = asyncio.create_task(balancer.look()), asyncio.create_task(send())
    try:
        yield balancer
    finally:
        ended.set()
        await sending
        looking.cancel()
        await balancer.close()


async def restart(platform: Platform, name: str) -> None:
    """End a process in good order, and wait until the next one serves."""
    before = platform.pid(name)
    os.kill(before, signal.SIGTERM)
    program = next(program for program in platform.suite.programs if program.name == name)

    async def back() -> bool:
        try:
            if platform.pid(name) == before:
                return False
        except PlatformError:
            return False
        problem = await asyncio.to_thread(grpc_problem, platform.ports[program.grpc_port])
        if program.http_port:
            problem += await asyncio.to_thread(http_problem, platform.ports[program.http_port])
        return not problem

    await eventually(back, LIFE)
    # Until everyone who calls it has seen it, too.
    await asyncio.sleep(READY)


class TestRollingRestart:
    async def test_no_request_fails(self, tmp_path: Path, rounds: int) -> None:
        with twins(tmp_path, STOP_DELAY) as platform:
            # All of them take a minute and a half.
            names = [program.name for program in platform.suite.programs] if rounds > 1 else SOME
            async with load(platform) as balancer:
                for name in names:
                    await restart(platform, name)
        print(dict(balancer.answers))
        assert set(balancer.answers) == {"create", "view", "list", "get"}
        assert balancer.answers.total() > REQUESTS_A_SECOND * len(names) * STOP_DELAY
