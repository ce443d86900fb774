"""Measures what a restriction to a team costs a list: `.venv/bin/python tests/load/team_lists.py`.

A million accounts of 20,000 users; the caller's team stands above a tree of 500 teams with 5,000 of them. Every list is
asked of the customers service with and without the restriction, in turns, so that what disturbs one disturbs both.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from rotunda_customers.accounts.service import accounts
from rotunda_customers.app import app as customers
from rotunda_kit.access.copies import ALL_REACH
from rotunda_kit.access.permissions import READ, Permission
from rotunda_kit.embedded import NatsServer, PostgresServer
from rotunda_kit.embedded.ports import free_ports
from rotunda_kit.identity import ADMINISTRATOR, Principal
from rotunda_kit.listing.page import Page
from rotunda_kit.model import new_id
from rotunda_kit.testing.platform import TestPlatform

LIST = "rotunda.customers.v1.AccountService.ListAccounts"
NUMBER, USERS, TEAMS, IN_TREE = 1_000_000, 20_000, 500, 5_000
ROUNDS = 100
ROLE = new_id()
LISTS: dict[str, dict[str, Any]] = {
    "newest first": {},
    "of an industry": {"filter": 'industry = "industry 7"'},
    "of a prefix": {"filter": 'display_name = "Account 77*"'},
    "a thousand": {"page_size": 1000},
}

_ACCOUNTS = """
INSERT INTO account
    (id, version, create_time, update_time, external_ids, display_name, type, industry, owner_id, addresses, phones,
     emails)
SELECT uuidv7(), 1, now(), now(), '[]', 'Account ' || number, 'COMPANY', 'industry ' || number % 40,
    ('0000000000000002' || lpad(to_hex(floor(random() * $2)::bigint), 16, '0'))::uuid, '[]', '[]', '[]'
FROM generate_series(1, $1::bigint) AS number
"""


def team(number: int) -> UUID:
    """The id of a team; the first stands above all others."""
    return UUID(int=(1 << 64) + number)


def user(number: int) -> UUID:
    """The id of a user."""
    return UUID(int=(2 << 64) + number)


async def fill(url: str) -> None:
    """Teams in a tree of four levels, users in them, a role, and accounts of all users."""
    connection = await asyncpg.connect(url, command_timeout=900)
    parents = [None, *(team((number - 1) // 8) for number in range(1, TEAMS))]
    await connection.copy_records_to_table(
        "access_team", records=[(team(number), 1, False, parent) for number, parent in enumerate(parents)]
    )
    await connection.copy_records_to_table(
        "access_user",
        records=[(user(n), 1, False, [team(n % TEAMS)] if n < IN_TREE else []) for n in range(USERS)],
    )
    grants = [{"resource": accounts.admission.resource, "actions": [READ], "scope": "SCOPE_TEAM"}]
    await connection.execute("INSERT INTO access_role VALUES ($1, 1, false, $2, '[]')", ROLE, json.dumps(grants))
    await connection.execute("INSERT INTO access_epoch (epoch) VALUES (1)")
    await connection.execute(str(ALL_REACH))
    await connection.execute(_ACCOUNTS, NUMBER, USERS)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.close()


async def milliseconds(platform: TestPlatform, token: str, fields: dict[str, Any]) -> float:
    """How long one call of the list takes."""
    began = time.perf_counter()
    answer = await platform.call(LIST, token, **fields)
    if not answer.accounts:
        raise RuntimeError("the list is empty")
    return (time.perf_counter() - began) * 1000


async def compare(platform: TestPlatform, tokens: dict[str, str]) -> None:
    """Print the medians of every list with and without the restriction, and their ratio."""
    for name, fields in LISTS.items():
        taken: dict[str, list[float]] = {who: [] for who in tokens}
        for _ in range(ROUNDS):
            for who, token in tokens.items():
                taken[who].append(await milliseconds(platform, token, fields))
        everyone, restricted = (statistics.median(taken[who]) for who in tokens)
        print(f"{name:16} {everyone:7.2f} ms, restricted {restricted:7.2f} ms: {restricted / everyone:4.2f} times")


async def plan(platform: TestPlatform, principal: Principal) -> str:
    """How PostgreSQL goes about the restricted list, newest first."""
    control = platform.runtimes["customers"].control
    reading = Permission(accounts.admission.resource, READ)
    condition = await control.of(principal).condition("customers.account", reading)
    page = Page(
        accounts.mapping.list_fields,
        filter="",
        order_by="",
        page_size=0,
        page_token="",
        binding="",
        default_order="id desc",
    )
    statement = page.apply(accounts.mapping.select())
    assert condition is not None
    database = platform.runtimes["customers"].database
    async with database.reading() as connection:
        compiled = statement.where(condition).compile(dialect=connection.dialect)
        values = tuple(compiled.params[name] for name in compiled.positiontup or ())
        explained = f"EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF) {compiled}"
        rows = await connection.exec_driver_sql(explained, values)
        return "\n".join(row[0] for row in rows)


async def main() -> None:
    """Fill, compare, show the plan."""
    with tempfile.TemporaryDirectory() as directory:
        ports = free_ports(3)
        postgres = PostgresServer(Path(directory) / "postgres", ports[0], version=18, durable=False)
        nats = NatsServer(Path(directory) / "nats", ports[1], ports[2], durable=False)
        platform = TestPlatform(postgres, nats, Path(directory))
        try:
            postgres.start()
            nats.start()
            runtime = await platform.start(customers, worker=False)
            await fill(runtime.settings.database_url)
            await runtime.control.directory.refresh()
            restricted = Principal(str(user(0)), "benchmark", frozenset({str(ROLE)}), (str(team(0)),))
            everyone = Principal(str(new_id()), "benchmark", frozenset({ADMINISTRATOR}))
            tokens = {
                who: platform.issuer.mint("rotunda-internal", 3600, _claims(principal))
                for who, principal in (("everyone", everyone), ("restricted", restricted))
            }
            await compare(platform, tokens)
            print(await plan(platform, restricted))
        finally:
            await platform.stop()
            nats.stop()
            postgres.stop()


def _claims(principal: Principal) -> dict[str, Any]:
    return {"sub": principal.subject, "roles": sorted(principal.roles), "teams": list(principal.teams)}


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
