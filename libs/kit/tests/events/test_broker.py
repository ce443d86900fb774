"""The connection to the broker."""

import asyncio

import pytest

from rotunda_kit.events.broker import connect


async def test_one_that_is_given_up_on_the_way_leaves_no_socket_open() -> None:
    greeted, gone = asyncio.Event(), asyncio.Event()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A broker that says nothing after it was called."""
        greeted.set()
        while await reader.read(1024):
            pass
        gone.set()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connecting = asyncio.create_task(connect(f"nats://127.0.0.1:{port}", "test"))
        await greeted.wait()
        # The client must have its side of the connection, too.
        for _ in range(10):
            await asyncio.sleep(0)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await asyncio.wait_for(gone.wait(), 5)
