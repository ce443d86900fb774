"""The platform's work without the platform: the same rows of the same tables, through asyncpg alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from itertools import cycle
from secrets import token_hex
from typing import Any

import asyncpg
from uuid_utils.compat import uuid7

CONTACTS = """
SELECT contact.*, account.display_name, owner.display_name
FROM contact
LEFT JOIN account ON account.id = contact.account_id LEFT JOIN user_reference AS owner ON owner.id = contact.owner_id
WHERE contact.delete_time IS NULL
"""
ACCOUNTS = """
SELECT account.*, owner.display_name, parent.display_name
FROM account
LEFT JOIN user_reference AS owner ON owner.id = account.owner_id
LEFT JOIN account AS parent ON parent.id = account.parent_account_id
WHERE account.delete_time IS NULL
"""
OPPORTUNITIES = """
SELECT
    opportunity.*, account.display_name, owner.display_name,
    stage.display_name, stage.probability, stage.forecast_category
FROM opportunity
LEFT JOIN account_reference AS account ON account.id = opportunity.account_id
LEFT JOIN user_reference AS owner ON owner.id = opportunity.owner_id LEFT JOIN stage ON stage.id = opportunity.stage_id
WHERE opportunity.delete_time IS NULL
"""
SUBSIDIARIES = "SELECT count(*) FROM account WHERE parent_account_id = $1 AND delete_time IS NULL"
ACTIVITIES = """
SELECT activity.*, account.display_name, contact.display_name, assignee.display_name
FROM activity
LEFT JOIN account ON account.id = activity.account_id LEFT JOIN contact ON contact.id = activity.contact_id
LEFT JOIN user_reference AS assignee ON assignee.id = activity.assignee_id
WHERE activity.delete_time IS NULL
"""
TICKETS = """
SELECT ticket.*, account.display_name, assignee.display_name
FROM ticket
LEFT JOIN account_reference AS account ON account.id = ticket.account_id
LEFT JOIN user_reference AS assignee ON assignee.id = ticket.assignee_id
WHERE ticket.delete_time IS NULL
"""
CAMPAIGNS = """
SELECT campaign.*, owner.display_name, (
    SELECT count(*) FROM campaign_member AS member
    WHERE member.campaign_id = campaign.id AND member.delete_time IS NULL
)
FROM campaign LEFT JOIN user_reference AS owner ON owner.id = campaign.owner_id
WHERE campaign.delete_time IS NULL AND EXISTS (
    SELECT FROM campaign_member AS member
    WHERE member.campaign_id = campaign.id AND member.account_id = $1 AND member.delete_time IS NULL
)
"""
# All but the source.
MESSAGES = """
SELECT
    id, version, create_time, update_time, external_ids, mailbox_id, direction, display_name, from_address, from_name,
    to_addresses, cc_addresses, sent_time, message_id, in_reply_to, snippet, size_bytes, attachment_count, read,
    categories, account_id, contact_id, opportunity_id, ticket_id
FROM message WHERE delete_time IS NULL
"""

# By operation: in each database its statements, one after the other, with the values of a key as $1, $2 ...
READS: dict[str, dict[str, list[str]]] = {
    "view": {
        "customers": [
            f"{ACCOUNTS} AND account.id = $1",
            SUBSIDIARIES,
            f"{CONTACTS} AND contact.account_id = $1 ORDER BY contact.id DESC LIMIT 10",
            f"{ACTIVITIES} AND activity.account_id = $1 ORDER BY activity.due_time DESC, activity.id DESC LIMIT 10",
        ],
        "sales": [f"{OPPORTUNITIES} AND opportunity.account_id = $1 ORDER BY opportunity.id DESC LIMIT 10"],
        "service_desk": [
            f"{TICKETS} AND ticket.account_id = $1 ORDER BY ticket.report_time DESC, ticket.id DESC LIMIT 10"
        ],
        "marketing": [f"{CAMPAIGNS} ORDER BY campaign.id DESC LIMIT 10"],
        "sync": [f"{MESSAGES} AND account_id = $1 ORDER BY sent_time DESC NULLS LAST, id DESC LIMIT 10"],
    },
    "get": {"customers": [f"{CONTACTS} AND contact.id = $1"]},
    "list-contacts": {"customers": [f"{CONTACTS} AND contact.account_id = $1 ORDER BY contact.id DESC LIMIT 21"]},
    "list-opportunities": {
        "sales": [
            f"{OPPORTUNITIES} AND state = $1 AND opportunity.owner_id = $2 ORDER BY opportunity.id DESC LIMIT 21",
        ]
    },
    "search": {"customers": [f"{CONTACTS} AND contact.last_name LIKE $1 ORDER BY contact.id DESC LIMIT 21"]},
}

_INSERT_CONTACT = """
INSERT INTO contact (
    id, version, create_time, update_time, external_ids,
    last_name, first_name, job_title, account_id, email, phones, addresses
) VALUES ($1, 1, $2, $2, '[]', $3, $4, $5, $6, $7, $8, '[]')
"""
# Sent already: the consumers shall not see it.
_INSERT_EVENT = """
INSERT INTO outbox (event_id, noun, verb, aggregate_id, aggregate_version, time, actor, traceparent, payload, sent_time)
VALUES ($1, 'customers.contact', 'created', $2, 1, $3, 'benchmark', '', $4, $3)
"""
_INSERT_ANSWER = """
INSERT INTO idempotency (caller, method, request_id, digest, response) VALUES ('benchmark', 'CreateContact', $1, $2, $3)
"""
# About as long as the real ones.
_PAYLOAD, _DIGEST = bytes(400), bytes(32)


@asynccontextmanager
async def sender(
    operation: str, databases: Mapping[str, str], keys: Sequence[Sequence[Any]]
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Does one operation after the other, on a connection of its own to each database.

    Args:
        operation: a name in `READS`, or `create`.
        databases: URLs by name.
        keys: the values that the operations ask for, one after the other, over and over.
    """
    following = cycle(keys)
    async with AsyncExitStack() as stack:
        if operation == "create":
            connection = await _connected(stack, databases["customers"])
            statements = [await connection.prepare(text) for text in (_INSERT_CONTACT, _INSERT_EVENT, _INSERT_ANSWER)]
            yield lambda: _create(connection, statements, next(following))
            return
        reads = []
        for database, texts in READS[operation].items():
            connection = await _connected(stack, databases[database])
            reads.append([await connection.prepare(text) for text in texts])
        yield lambda: _read(reads, next(following))


async def _connected(stack: AsyncExitStack, url: str) -> Any:
    connection = await asyncpg.connect(url, timeout=10, server_settings={"jit": "off"})
    stack.push_async_callback(connection.close)
    return connection


async def _read(reads: Sequence[Sequence[Any]], key: Sequence[Any]) -> None:
    if len(reads) == 1:
        await _read_one(reads[0], key)
    else:
        await asyncio.gather(*(_read_one(statements, key) for statements in reads))


async def _read_one(statements: Sequence[Any], key: Sequence[Any]) -> None:
    for statement in statements:
        await statement.fetch(*key)


async def _create(connection: Any, statements: Sequence[Any], key: Sequence[Any]) -> None:
    contact, event, answer = statements
    contact_id, now = uuid7(), datetime.now(UTC)
    async with connection.transaction():
        await contact.fetch(contact_id, now, *key)
        await event.fetch(uuid7(), contact_id, now, _PAYLOAD)
        await answer.fetch(token_hex(16), _DIGEST, _PAYLOAD)
