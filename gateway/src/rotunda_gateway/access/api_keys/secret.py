"""How an API key is written: `rtk_`, then its id, 192 random bits and a checksum in the letters of URLs.

By the checksum a mistyped key, and a text that only looks like one, is told without asking the database.
"""

import binascii
import secrets
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

PREFIX = "rtk_"
# Characters that are shown of a key: of its id, nothing of its random part.
SHOWN = len(PREFIX) + 12

_ID, _RANDOM, _CHECKSUM = 16, 24, 4


def new_api_key(key_id: UUID) -> str:
    """The secret of a new API key."""
    content = key_id.bytes + secrets.token_bytes(_RANDOM)
    return PREFIX + urlsafe_b64encode(content + _checksum(content)).decode().rstrip("=")


def key_id_of(secret: str) -> str | None:
    """The id in a key; None if it is no key at all."""
    written = secret.removeprefix(PREFIX)
    try:
        content = urlsafe_b64decode(written + "=" * (-len(written) % 4))
    except (binascii.Error, ValueError):
        return None
    content, checksum = content[:-_CHECKSUM], content[-_CHECKSUM:]
    if len(content) != _ID + _RANDOM or checksum != _checksum(content):
        return None
    return str(UUID(bytes=content[:_ID]))


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(_CHECKSUM, "big")
