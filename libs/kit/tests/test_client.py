"""Which process of a service a call goes to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from rotunda_kit.client import Clients
from rotunda_kit.errors import Unavailable
from rotunda_kit.testing.waiting import eventually

CHECK = health_pb2.DESCRIPTOR.services_by_name["Health"].methods_by_name["Check"]
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Process(health.aio.HealthServicer):  # type: ignore[misc] # it has no types
    """A process of a service, whose calls are `Check`."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        # So many calls are refused as a process refuses those that reach it when it has just stopped.
        self.stopped_for = 0

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        self.calls += 1
        if self.calls <= self.stopped_for:
            await context.abort(grpc.StatusCode.CANCELLED)
        return health_pb2.HealthCheckResponse(status=SERVING)


@asynccontextmanager
async def serving(*processes: Process) -> AsyncIterator[Clients]:
    """Who calls the processes."""
    servers, addresses = [], []
    for process in processes:
        await process.set("", SERVING)
        server = grpc.aio.server()
        health_pb2_grpc.add_HealthServicer_to_server(process, server)
        addresses.append(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        await server.start()
        servers.append(server)
    clients = Clients(lambda _: f"ipv4:{','.join(addresses)}")
    try:
        yield clients
    finally:
        await clients.close()
        for server in servers:
            await server.stop(0)


async def ask(clients: Clients) -> None:
    await clients.call(CHECK, health_pb2.HealthCheckRequest(), token="", timeout=5)


class TestProcesses:
    async def test_they_take_turns(self) -> None:
        left, right = Process(), Process()
        async with serving(left, right) as clients:

            async def both_called() -> bool:
                await ask(clients)
                return bool(left.calls and right.calls)

            await eventually(both_called, 5)

    async def test_one_that_is_not_ready_any_more_is_left_alone_while_it_still_answers(self) -> None:
        left, right = Process(), Process()
        async with serving(left, right) as clients:

            async def left_is_called() -> bool:
                before = left.calls
                for _ in range(4):
                    await ask(clients)
                return left.calls > before

            await eventually(left_is_called, 5)
            await left.set("", NOT_SERVING)

            async def left_alone() -> bool:
                return not await left_is_called()

            await eventually(left_alone, 5)
            await left.set("", SERVING)
            await eventually(left_is_called, 5)

    async def test_while_none_is_ready_the_caller_is_told_so(self) -> None:
        process = Process()
        async with serving(process) as clients:
            await process.set("", NOT_SERVING)
            with pytest.raises(Unavailable):
                await ask(clients)

    async def test_a_call_that_reaches_one_as_it_stops_is_sent_again(self) -> None:
        process = Process()
        process.stopped_for = 2
        async with serving(process) as clients:
            await ask(clients)
        assert process.calls == 3
