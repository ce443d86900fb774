"""What is measured: requests to the gateway, and beside each the values for the same work in `bare_sql`."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import asyncpg

KEYS = 4_000
ROWS = 10
PAGE = 20
# Sections of the view that are lists; each has its rows in a field of the same name.
LISTS = ("contacts", "activities", "opportunities", "tickets", "campaigns", "messages")

_VIEWED = "SELECT account_id FROM contact WHERE account_id IS NOT NULL GROUP BY account_id HAVING count(*) >= $1"
_CONTACTS = "SELECT id FROM contact ORDER BY md5(id::text) LIMIT $1"
# As frequent as `Stein`: every thirtieth contact.
_PREFIXES = "SELECT left(last_name, 4) FROM contact GROUP BY 1 HAVING count(*) > 2000 ORDER BY 1"
_OWNERS = "SELECT id FROM user_reference WHERE id IN (SELECT owner_id FROM account)"


class WrongAnswerError(Exception):
    """The platform answers, but not with what is to be measured."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of work.

    Args:
        name: as in `bare_sql`.
        title: for people.
        method: of HTTP.
        targets: of requests, one a key.
        bodies: of requests, one a key; none if empty.
        keys: the values for `bare_sql`.
        check: raises WrongAnswerError.
    """

    name: str
    title: str
    method: str
    targets: list[str]
    bodies: list[Any]
    keys: list[list[Any]]
    check: Callable[[Any], None]

    def requests(self, host: str, token: str) -> list[str]:
        """Whole HTTP requests, one a key."""
        head = f"HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n"
        if not self.bodies:
            return [f"{self.method} {target} {head}\r\n" for target in self.targets]
        texts = [json.dumps(body, separators=(",", ":")) for body in self.bodies]
        return [
            f"{self.method} {target} {head}content-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n{text}"
            for target, text in zip(self.targets, texts, strict=True)
        ]


async def operations(customers_url: str) -> list[Operation]:
    """All operations, with keys from the data.

    Args:
        customers_url: of the customers service's database.
    """
    connection = await asyncpg.connect(customers_url, timeout=10)
    try:
        viewed = await _strings(connection, _VIEWED, ROWS)
        contacts = await _strings(connection, _CONTACTS, KEYS)
        prefixes = await _strings(connection, _PREFIXES)
        owners = await _strings(connection, _OWNERS)
        others = await _strings(connection, f"SELECT id FROM account WHERE id NOT IN ({_VIEWED}) LIMIT $2", ROWS, KEYS)
    finally:
        await connection.close()
    return [
        _reading("view", "360° view", [f"/v1/accounts/{i}/360" for i in viewed], [[i] for i in viewed], _check_view),
        _reading(
            "get", "get contact", [f"/v1/contacts/{i}" for i in contacts], [[i] for i in contacts], _check_contact
        ),
        _reading(
            "list-contacts",
            "list contacts of an account",
            [_list("contacts", f'accountId = "{i}"') for i in viewed],
            [[i] for i in viewed],
            lambda answer: _check_list(answer, "contacts", ROWS),
        ),
        _reading(
            "list-opportunities",
            "list opportunities by state and owner",
            [_list("opportunities", f'state = OPEN AND ownerId = "{i}"') for i in owners],
            [["OPEN", i] for i in owners],
            lambda answer: _check_list(answer, "opportunities", PAGE),
        ),
        _reading(
            "search",
            "search contacts by prefix",
            [_list("contacts", f'lastName = "{prefix}*"') for prefix in prefixes],
            [[f"{prefix}%"] for prefix in prefixes],
            lambda answer: _check_list(answer, "contacts", PAGE),
        ),
        _creating(others),
    ]


async def _strings(connection: Any, query: str, *values: Any) -> list[str]:
    """The first column as text, in an order that is the same each time but none of the tables'."""
    found = sorted(str(row[0]) for row in await connection.fetch(query, *values))
    random.Random(1).shuffle(found)
    return found


def _list(collection: str, condition: str) -> str:
    return f"/v1/{collection}?{urlencode({'filter': condition, 'pageSize': PAGE})}"


def _reading(
    name: str, title: str, targets: Sequence[str], keys: Sequence[list[Any]], check: Callable[[Any], None]
) -> Operation:
    return Operation(name, title, "GET", list(targets), [], list(keys), check)


def _creating(accounts: Sequence[str]) -> Operation:
    bodies, keys = [], []
    for number, account in enumerate(accounts):
        last_name, first_name, job = f"Neumann{number}", "Anna", "Head of Sales"
        email, phone = f"new{number}@example.com", f"+4940{number:07}"
        bodies.append(
            {
                "firstName": first_name,
                "lastName": last_name,
                "jobTitle": job,
                "accountId": account,
                "email": email,
                "phones": [{"number": phone, "kind": "WORK"}],
            }
        )
        phones = json.dumps([{"number": phone, "kind": "PHONE_KIND_WORK"}])
        keys.append([last_name, first_name, job, account, email, phones])
    targets = ["/v1/contacts"] * len(bodies)
    return Operation("create", "create contact", "POST", targets, bodies, keys, _check_contact)


def _check_view(answer: Any) -> None:
    sections = {section["name"]: section for section in answer["sections"]}
    for name, section in sections.items():
        if section["status"] != "OK":
            raise WrongAnswerError(f"the section {name} is {section['status']}")
    for name in LISTS:
        rows = len(sections[name]["data"][name])
        if rows != ROWS:
            raise WrongAnswerError(f"the section {name} has {rows} rows")


def _check_contact(answer: Any) -> None:
    if not answer.get("lastName"):
        raise WrongAnswerError("there is no contact")


def _check_list(answer: Any, collection: str, rows: int) -> None:
    if len(answer[collection]) < rows:
        raise WrongAnswerError(f"the list has {len(answer[collection])} {collection}")
