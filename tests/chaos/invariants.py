"""What must hold when all is quiet again, whatever was killed in between."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import asyncpg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

from rotunda_kit.events.broker import connect
from rotunda_kit.events.republish import RESTATED
from rotunda_kit.testing.waiting import eventually
from rotunda_local.platform import Platform

from .traffic import Ledger

STREAM = "CUSTOMERS"
CONSUMERS = ("sales-from-customers", "access-from-customers")
# Seconds until events have arrived everywhere, at most.
SETTLED = 30.0


async def violations(platform: Platform, ledger: Ledger, settled: float = SETTLED) -> list[str]:
    """Every promise that is broken, once events had the time to arrive; each begins with the promise's name.

    Args:
        platform: at which nobody writes any more.
        ledger: what it accepted.
        settled: seconds until events have arrived everywhere, at most.
    """
    broker = await connect(platform.nats.url, "invariants")
    customers, sales, access = [await _database(platform, name) for name in ("customers", "sales", "access")]
    try:
        found = [f"answer: {refusal}" for refusal in ledger.refusals]
        jetstream = broker.jetstream()
        try:
            await eventually(lambda: _settled(customers, jetstream), settled)
        except TimeoutError:
            found.append(f"quiet: events were still on their way after {settled:g} s")
        found += await _writes(customers, ledger)
        found += await _published(customers, jetstream)
        found += await _effects(customers, sales)
        for name, copies in (("sales", sales), ("access", access)):
            found += await _copies(name, customers, copies)
        return found
    finally:
        await broker.close()
        for connection in (customers, sales, access):
            await connection.close()


async def _database(platform: Platform, name: str) -> Any:
    return await asyncpg.connect(platform.postgres.url(name, name, platform.home.database_password(name)))


async def _settled(customers: Any, jetstream: JetStreamContext) -> bool:
    if await customers.fetchval("SELECT true FROM outbox WHERE sent_time IS NULL LIMIT 1"):
        return False
    try:
        states = [await jetstream.consumer_info(STREAM, consumer) for consumer in CONSUMERS]
    except NotFoundError:  # they are being made again
        return False
    return not any(state.num_pending or state.num_ack_pending for state in states)


async def _writes(customers: Any, ledger: Ledger) -> list[str]:
    """Each accepted write is there, and once."""
    rows = await customers.fetch("SELECT id::text, email FROM contact")
    contacts = {row["email"]: row["id"] for row in rows}
    twice = [email for email, times in Counter(row["email"] for row in rows).items() if times > 1]
    lost = [email for email, contact_id in ledger.contacts.items() if contacts.get(email) != contact_id]
    versions = {row["id"]: row["version"] for row in await customers.fetch("SELECT id::text, version FROM account")}
    wrong = [account for account, renames in ledger.renames.items() if versions.get(account) != 1 + renames]
    return [
        *_some("written once", twice, "contacts are there twice"),
        *_some("kept", lost, "contacts were accepted and are not there"),
        *_some("renamed once", wrong, "accounts have another version than renames were accepted"),
    ]


async def _published(customers: Any, jetstream: JetStreamContext) -> list[str]:
    """Each event is in the stream, those of a record in their order."""
    rows = await customers.fetch("SELECT event_id::text, sent_time FROM outbox")
    told = {row["event_id"] for row in rows}
    in_stream: set[str] = set()
    newest: dict[str, int] = {}
    disordered = []
    for headers in await _stream(jetstream):
        event_id, subject, version = headers["ce-id"], headers["ce-subject"], int(headers["ce-aggregateversion"])
        # A state that is told again has the version of the last change.
        again = headers["ce-type"].endswith(f".{RESTATED}")
        if event_id not in in_stream and version < newest.get(subject, 0) + (not again):
            disordered.append(event_id)
        in_stream.add(event_id)
        newest[subject] = max(version, newest.get(subject, 0))
    unsent = [row["event_id"] for row in rows if row["sent_time"] is None]
    return [
        *_some("sent", unsent, "events are still in the outbox"),
        *_some("published", told - in_stream, "events never came to the stream"),
        *_some("true", in_stream - told, "events in the stream never happened"),
        *_some("ordered", disordered, "events came after a later one of their record"),
    ]


async def _stream(jetstream: JetStreamContext) -> list[dict[str, str]]:
    """The headers of all messages, in their order."""
    expected = (await jetstream.stream_info(STREAM)).state.messages
    subscription = await jetstream.pull_subscribe(
        "crm.customers.>", stream=STREAM, config=ConsumerConfig(ack_policy=AckPolicy.NONE)
    )
    headers: list[dict[str, str]] = []
    while len(headers) < expected:
        headers += [message.headers or {} for message in await subscription.fetch(1000, timeout=10)]
    await subscription.unsubscribe()
    return headers


async def _effects(customers: Any, sales: Any) -> list[str]:
    """Each event about an account had its effect in sales, and once."""
    rows = await customers.fetch("SELECT event_id::text FROM outbox WHERE noun = 'customers.account'")
    told = {row["event_id"] for row in rows}
    inbox = {
        row["event_id"]
        for row in await sales.fetch("SELECT event_id::text FROM inbox WHERE consumer = $1", CONSUMERS[0])
    }
    effects = {
        row["event_id"]: row["effects"] for row in await sales.fetch("SELECT event_id::text, effects FROM event_effect")
    }
    dead = [row["event_id"] for row in await sales.fetch("SELECT event_id FROM dead_letter")]
    return [
        *_some("taken in", told ^ inbox, "events are in the inbox and not in the outbox, or the other way round"),
        *_some("effective", told - effects.keys(), "events had no effect"),
        *_some("effective once", [e for e, times in effects.items() if times > 1], "events had their effect twice"),
        *_some("alive", dead, "events became dead letters"),
    ]


async def _copies(name: str, customers: Any, database: Any) -> list[str]:
    """The copies of accounts are as new as the accounts."""
    accounts = {row["id"]: row["version"] for row in await customers.fetch("SELECT id, version FROM account")}
    copies = {row["id"]: row["version"] for row in await database.fetch("SELECT id, version FROM account_reference")}
    different = [account for account in accounts.keys() | copies.keys() if accounts.get(account) != copies.get(account)]
    return _some("copied", different, f"accounts have another version in {name}")


def _some(promise: str, broken: Iterable[object], what: str) -> list[str]:
    """The violation of a promise, if anything breaks it."""
    those = sorted(map(str, broken))
    return [f"{promise}: {len(those)} {what}, such as {those[0]}"] if those else []
