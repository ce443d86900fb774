"""Page tokens: where a page ended, readable only for the query that it is a page of."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from rotunda_kit.errors import InvalidArgument
from rotunda_kit.listing.field import ListField
from rotunda_kit.listing.literal import from_text, to_text
from rotunda_kit.violations import Unfit

_DIGEST_SIZE = 16
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


def write_token(query: str, values: Sequence[Any]) -> str:
    """The token of the page behind a row.

    Args:
        query: whatever must be the same when the token comes back.
        values: of the row, one for each field of the order.
    """
    payload = json.dumps([None if value is None else to_text(value) for value in values]).encode()
    return _encoded(_digest(query, payload) + payload)


def read_token(token: str, query: str, fields: Sequence[ListField]) -> list[Any]:
    """The values in a token, each of the type of its field.

    Raises:
        InvalidArgument: INVALID_PAGE_TOKEN; it is no token, or one of another query.
    """
    try:
        content = _decoded(token)
        digest, payload = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
        if digest != _digest(query, payload):
            raise Unfit("a token of this query")
        # The digest is no signature: who makes a token up can page from where he likes, but not get past the types.
        texts = json.loads(payload)
        if not isinstance(texts, list) or len(texts) != len(fields):
            raise Unfit("a value for each field")
        return [_value(field, text) for field, text in zip(fields, texts, strict=True)]
    except (ValueError, RecursionError):
        raise InvalidArgument.of(
            "page_token",
            "is no page token of this list with this filter and order; start again without one",
            "INVALID_PAGE_TOKEN",
        ) from None


def _value(field: ListField, text: object) -> Any:
    if text is None and field.nullable:
        return None
    if not isinstance(text, str):
        raise Unfit("a text")
    return from_text(field, text)


def _digest(query: str, payload: bytes) -> bytes:
    named = json.dumps(query).encode()
    return hashlib.sha256(named + payload).digest()[:_DIGEST_SIZE]


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decoded(token: str) -> bytes:
    if not _BASE64URL.fullmatch(token):
        raise Unfit("base64url")
    content = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    if _encoded(content) != token:
        raise Unfit("base64url without bits to spare")
    return content
