"""The request headers that mean something to a transcoded method."""

import re
from collections.abc import Mapping
from functools import lru_cache

from rotunda_gateway.http.errors import UnsupportedMediaType
from rotunda_kit.violations import Unfit

IDEMPOTENCY_KEY = "Idempotency-Key"
IF_MATCH = "If-Match"

MAX_LENGTH = 255
"""Most characters of an idempotency key or an etag."""

_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_ETAG = re.compile(r"[\x21\x23-\x2b\x2d-\x7e]+")
_JSON = re.compile(r"application/(?:json|[!#$&^_.a-z0-9-]+\+json)")
_CHARSETS = {"", "utf-8", "utf8", "us-ascii"}


def idempotency_key(text: str) -> str:
    """The caller's idempotency key.

    Raises:
        Unfit: it is none.
    """
    if not _PRINTABLE.fullmatch(text) or len(text) > MAX_LENGTH:
        raise Unfit(f"must be 1 to {MAX_LENGTH} printable ASCII characters without spaces")
    return text


def expected_etag(text: str) -> str:
    """The etag of an `If-Match` header, quoted or not, weak or not; empty for `*`, which any state matches.

    Raises:
        Unfit: it is none, or several.
    """
    etag = text.strip().removeprefix("W/")
    if len(etag) > 1 and etag[0] == etag[-1] == '"':
        etag = etag[1:-1]
    if not _ETAG.fullmatch(etag) or len(etag) > MAX_LENGTH:
        raise Unfit(f"must be one etag of at most {MAX_LENGTH} characters, or *")
    return "" if etag == "*" else etag


def quoted_etag(etag: str) -> str:
    """An etag as a response header has it (RFC 9110)."""
    return f'"{etag}"'


def has_body(headers: Mapping[str, str]) -> bool:
    """Whether a body may follow (RFC 9112): otherwise it need not be waited for."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def check_content(headers: Mapping[str, str]) -> None:
    """Make sure that a body is JSON in UTF-8, as far as its headers tell. Without `Content-Type` it is taken for it.

    Raises:
        UnsupportedMediaType: it is something else, or compressed.
    """
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise UnsupportedMediaType("The body must not be compressed.")
    content_type = headers.get("content-type", "")
    if content_type and not _is_json(content_type):
        raise UnsupportedMediaType("The body must be application/json in UTF-8.")


@lru_cache(maxsize=64)
def _is_json(content_type: str) -> bool:
    media_type, _, rest = content_type.lower().partition(";")
    if not _JSON.fullmatch(media_type.strip()):
        return False
    parameters = dict(part.strip().partition("=")[::2] for part in rest.split(";"))
    return parameters.get("charset", "").strip('"') in _CHARSETS
