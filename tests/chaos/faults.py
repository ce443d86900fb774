"""The faults: each is done to a world that is under traffic, and undone."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from nats.js.api import AckPolicy, ConsumerConfig

from rotunda_kit.events.broker import connect

from .invariants import STREAM
from .world import CUSTOMERS, SALES, World

Fault = Callable[[World, random.Random], Awaitable[None]]

# Bytes: less than any stream has.
FULL = 1
END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1"
# Seconds after which sales' messages are delivered again.
REDELIVERY = 2.0
# Of the stream that are told again at once.
REPEATED = 300


def moment(chance: random.Random) -> float:
    """How many seconds a fault lasts: mostly few, now and then as many as time-outs have."""
    return min(0.5 + chance.expovariate(0.5), 15.0)


async def kill_customers(world: World, chance: random.Random) -> None:
    await world.end(chance.choice(CUSTOMERS))


async def kill_sales(world: World, chance: random.Random) -> None:
    await world.end(chance.choice(SALES))


async def kill_gateway(world: World, _chance: random.Random) -> None:
    await world.end("gateway")


async def hang_relay(world: World, chance: random.Random) -> None:
    """The process that holds the relay's lock keeps it while it stands still."""
    await world.hang(await world.relaying(), moment(chance))


async def hang_consumer(world: World, chance: random.Random) -> None:
    """What it has fetched is delivered to the other one meanwhile, and it goes on with it when it wakes up."""
    await world.hang(chance.choice(SALES), REDELIVERY + moment(chance))


async def hang_gateway(world: World, chance: random.Random) -> None:
    await world.hang("gateway", moment(chance))


async def kill_postgres(world: World, _chance: random.Random) -> None:
    await world.end("postgres")


async def restart_postgres(world: World, _chance: random.Random) -> None:
    """By a fast shutdown: sessions are ended."""
    await world.end("postgres", signal.SIGINT)


async def hang_postgres(world: World, chance: random.Random) -> None:
    await world.hang("postgres", moment(chance))


async def kill_nats(world: World, _chance: random.Random) -> None:
    await world.end("nats")


async def restart_nats(world: World, _chance: random.Random) -> None:
    await world.end("nats", signal.SIGTERM)


async def hang_nats(world: World, chance: random.Random) -> None:
    await world.hang("nats", moment(chance))


async def fill_disk_of_nats(world: World, chance: random.Random) -> None:
    await world.limit_store(FULL)
    try:
        await asyncio.sleep(moment(chance))
    finally:
        await world.limit_store(None)


async def take_connections(world: World, chance: random.Random) -> None:
    """A service loses its connections to the database, and gets no new ones."""
    role = chance.choice(("customers", "sales"))
    async with world.database() as connection:
        await connection.execute(f"ALTER ROLE {role} CONNECTION LIMIT 0")
        await connection.execute(END_SESSIONS, role)
        try:
            await asyncio.sleep(moment(chance))
        finally:
            await connection.execute(f"ALTER ROLE {role} CONNECTION LIMIT -1")


async def lock_rows(world: World, chance: random.Random) -> None:
    """Many writes wait for the same rows, with their connections."""
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(world.database("customers"))
        await stack.enter_async_context(connection.transaction())
        await connection.execute("SELECT FROM account ORDER BY id LIMIT 10 FOR UPDATE")
        await asyncio.sleep(moment(chance))


async def repeat_messages(world: World, chance: random.Random) -> None:
    """Messages come again, as from a relay that died before it marked them: some with their ids, some much later."""
    broker = await connect(world.platform.nats.url, "repeater")
    try:
        jetstream = broker.jetstream(timeout=30)
        subscription = await jetstream.pull_subscribe(
            "crm.customers.>", stream=STREAM, config=ConsumerConfig(ack_policy=AckPolicy.NONE)
        )
        stored = (await jetstream.stream_info(STREAM)).state.messages
        messages = await subscription.fetch(min(REPEATED, stored), timeout=30) if stored else []
        await subscription.unsubscribe()
        for message in messages:
            headers = dict(message.headers or {})
            if chance.random() < 0.7:
                # As after the window in which JetStream remembers it.
                del headers["Nats-Msg-Id"]
            await jetstream.publish(message.subject, message.data, headers=headers)
    finally:
        await broker.close()


OF_PROGRAMS: tuple[Fault, ...] = (
    kill_customers,
    kill_sales,
    kill_gateway,
    hang_relay,
    hang_consumer,
    hang_gateway,
)
OF_SERVERS: tuple[Fault, ...] = (
    kill_postgres,
    restart_postgres,
    hang_postgres,
    kill_nats,
    restart_nats,
    hang_nats,
    fill_disk_of_nats,
    take_connections,
    lock_rows,
    repeat_messages,
)
