"""What an orchestrator asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from rotunda_customers.app import app as customers
from rotunda_kit.embedded import Nats, Postgres
from rotunda_kit.embedded.ports import free_ports
from rotunda_kit.runtime import LIVES, Runtime
from rotunda_kit.testing.platform import TestPlatform
from rotunda_kit.testing.waiting import eventually

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
async def runtime(postgres: Postgres, nats: Nats, tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    """A process that is not started."""
    platform = TestPlatform(postgres, nats, tmp_path_factory.mktemp("probes"))
    settings = (await platform.start(customers, worker=False)).settings
    await platform.stop()
    return Runtime(customers, settings.model_copy(update={"probe_port": free_ports(1)[0]}))


@pytest.fixture
async def probe(runtime: Runtime) -> AsyncIterator[health_pb2_grpc.HealthAsyncStub]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{runtime.settings.probe_port}") as channel:
        yield health_pb2_grpc.HealthStub(channel)


async def status(probe: health_pb2_grpc.HealthAsyncStub, name: str) -> int:
    request = health_pb2.HealthCheckRequest(service=name)
    return int((await probe.Check(request, wait_for_ready=True, timeout=5)).status)


class TestProbes:
    async def test_one_that_serves_lives_and_is_ready(
        self, runtime: Runtime, probe: health_pb2_grpc.HealthAsyncStub
    ) -> None:
        await runtime.serve()
        assert await status(probe, LIVES) == await status(probe, "") == SERVING
        await runtime.stop()

    async def test_one_that_only_works_is_ready_when_it_has_the_broker(
        self, runtime: Runtime, probe: health_pb2_grpc.HealthAsyncStub
    ) -> None:
        await runtime.work()
        assert await status(probe, LIVES) == SERVING

        async def ready() -> bool:
            return bool(await status(probe, "") == SERVING)

        await eventually(ready)
        await runtime.stop()

    async def test_one_that_stops_is_not_ready_and_lives_and_still_serves(
        self, runtime: Runtime, probe: health_pb2_grpc.HealthAsyncStub
    ) -> None:
        runtime.settings.stop_delay = 60
        await runtime.serve()
        stopping = asyncio.create_task(runtime.stop())

        async def unready() -> bool:
            return bool(await status(probe, "") == NOT_SERVING)

        await eventually(unready)
        assert await status(probe, LIVES) == SERVING
        async with grpc.aio.insecure_channel(f"127.0.0.1:{runtime.port}") as channel:
            served = health_pb2_grpc.HealthStub(channel)
            assert await status(served, "") == NOT_SERVING
        stopping.cancel()
        runtime.settings.stop_delay = 0
        await runtime.stop()
