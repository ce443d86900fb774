"""Reading a mail (RFC 5322, MIME): as far as it goes. It fails on no mangled one, and is not slow on a hostile one."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_string, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message as Mail
from email.parser import HeaderParser
from email.utils import getaddresses, parsedate_to_datetime
from itertools import islice

from rotunda_sync.messages.html_text import text_of_html

SUBJECT_LENGTH = 255
SNIPPET_LENGTH = 200
NAME_LENGTH = 255
ID_LENGTH = 995
# RFC 5321: 64 of the local part, 255 of the domain.
ADDRESS_LENGTH = 320
MOST_ADDRESSES = 100

# How much of a header is looked at, of one with addresses, and of all headers where they alone are read.
_HEADER_LENGTH = 4_000
_ADDRESS_HEADER_LENGTH = 50_000
_HEADERS_LENGTH = 200_000
# Where the snippet is looked for: in so many parts, and so many bytes of each.
_SNIPPET_PARTS = 5
_SNIPPET_SOURCE = 20_000
# The parser compares every line with the boundary of every part around it. Beyond so much work, about a second, only
# the headers are read; taking in a line at all counts as some comparisons.
_MOST_COMPARISONS = 1_500_000
_COMPARISONS_A_LINE = 4

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_SPACE = re.compile(r"\s+")
_BODY = re.compile(rb"<body\b", re.IGNORECASE)
_ENCLOSING = re.compile(r"^content-type:\s*(?:multipart|message)/", re.IGNORECASE | re.MULTILINE)
_ANGLE_BRACKETS = re.compile(r"<([^<>]+)>")
_BETWEEN_ADDRESSES = re.compile(r'[\s<>()",;:]+')
# As much of RFC 5321 as is needed to tell an address from a name.
_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+")

# What the standard library raises on headers and bodies that it can't make sense of.
_UNREADABLE = (MessageError, LookupError, ValueError, TypeError, AssertionError, RecursionError)


class _Bounded(policy.Compat32):
    """Cuts headers: the standard library takes time that grows with the square of their length."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[: _ADDRESS_HEADER_LENGTH if name.lower() in ("from", "to", "cc") else _HEADER_LENGTH]


_POLICY = _Bounded()


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """What is shown of a mail. `from_address` is empty where it has no usable sender."""

    subject: str
    from_address: str
    from_name: str | None
    to_addresses: list[str]
    cc_addresses: list[str]
    sent_time: datetime | None
    message_id: str | None
    in_reply_to: str | None
    snippet: str
    attachment_count: int


def parse_mail(source: str) -> ParsedMail:
    """Read a mail.

    Args:
        source: RFC 5322, as it came over the wire.
    """
    mail = _read(source)
    senders = _addresses(mail, "From")
    name, address = senders[0] if senders else ("", "")
    parts = list(_parts(mail))
    return ParsedMail(
        subject=_decoded(str(mail.get("Subject", "")))[:SUBJECT_LENGTH].strip(),
        from_address=address,
        from_name=_decoded(name)[:NAME_LENGTH].strip() or None,
        to_addresses=[found for _, found in _addresses(mail, "To")],
        cc_addresses=[found for _, found in _addresses(mail, "Cc")],
        sent_time=_date(mail),
        message_id=_id(mail, "Message-ID"),
        in_reply_to=_id(mail, "In-Reply-To"),
        snippet=_snippet(parts),
        attachment_count=sum(map(_is_attachment, parts)),
    )


def _read(source: str) -> Mail:
    """The mail with its parts, or its headers alone where it is nested beyond reason."""
    lines = source.count("\n") + source.count("\r") - source.count("\r\n")
    if lines * (_COMPARISONS_A_LINE + len(_ENCLOSING.findall(source))) <= _MOST_COMPARISONS:
        with suppress(RecursionError):
            return message_from_string(source, policy=_POLICY)
    return HeaderParser(policy=_POLICY).parsestr(source[:_HEADERS_LENGTH])


def _parts(mail: Mail) -> Iterator[Mail]:
    """The mail and all parts in it, in their order; unlike `walk` not one call deeper a level."""
    waiting = [mail]
    while waiting:
        part = waiting.pop()
        yield part
        inner = part.get_payload()
        if isinstance(inner, list):
            waiting.extend(entry for entry in reversed(inner) if isinstance(entry, Mail))


def _plain(text: str) -> str:
    """Text in one line: folds and control characters made spaces."""
    return _SPACE.sub(" ", _UNPRINTABLE.sub(" ", text)).strip()


def _decoded(text: str) -> str:
    """A header's value in plain text, its encoded words (RFC 2047) decoded."""
    text = text[:_HEADER_LENGTH]
    # What can't be decoded is left as it is written: somebody's unknown character set.
    with suppress(*_UNREADABLE):
        text = str(make_header(decode_header(text)))
    return _plain(text)


def _addresses(mail: Mail, name: str) -> list[tuple[str, str]]:
    """Names (as they are written) and addresses of a header, groups flattened; what is no address is left out."""
    value = ", ".join(map(str, mail.get_all(name, [])))
    if len(value) >= _ADDRESS_HEADER_LENGTH:
        # The last one may be cut off.
        value = value[:_ADDRESS_HEADER_LENGTH].rpartition(",")[0]
    pairs: Iterable[tuple[str, str]] = []
    with suppress(*_UNREADABLE):
        pairs = getaddresses([value])
    found = _usable(pairs)
    # A quotation mark that is never closed hides them all; then at least the addresses.
    return found or _usable(("", word) for word in _BETWEEN_ADDRESSES.split(value))


def _usable(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    cleaned = ((name, _UNPRINTABLE.sub("", address)) for name, address in pairs)
    usable = (pair for pair in cleaned if len(pair[1]) <= ADDRESS_LENGTH and _ADDRESS.fullmatch(pair[1]))
    return list(islice(usable, MOST_ADDRESSES))


def _date(mail: Mail) -> datetime | None:
    try:
        moment = parsedate_to_datetime(str(mail.get("Date", "")))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (*_UNREADABLE, OverflowError):
        return None


def _id(mail: Mail, name: str) -> str | None:
    """The first id in a header without its brackets; older mailers write words around it."""
    text = _UNPRINTABLE.sub("", str(mail.get(name, "")))
    bracketed = _ANGLE_BRACKETS.search(text)
    return (bracketed[1] if bracketed else text).strip(" \t<>")[:ID_LENGTH] or None


def _is_attachment(part: Mail) -> bool:
    disposition = str(part.get("Content-Disposition", "")).partition(";")[0].strip().lower()
    return disposition == "attachment"


def _snippet(parts: list[Mail]) -> str:
    """The first words of the text, or of the page where there is no text."""
    for content_type in ("text/plain", "text/html"):
        fitting = (part for part in parts if part.get_content_type() == content_type and not _is_attachment(part))
        for part in islice(fitting, _SNIPPET_PARTS):
            raw, charset = _content(part)
            if content_type == "text/html":
                body = _BODY.search(raw)
                text = text_of_html(_text(raw[body.start() if body else 0 :], charset))
            else:
                text = _text(raw, charset)
            words = _plain(text)
            if words:
                return words[:SNIPPET_LENGTH].strip()
    return ""


def _content(part: Mail) -> tuple[bytes, str]:
    """What a part holds, and its character set."""
    written = part.get_payload()
    if not isinstance(written, str):
        return b"", "utf-8"
    # The source is text already: only what was made ASCII for its journey is still to be decoded.
    if written.isascii():
        # What can't be decoded is left as it is written.
        with suppress(*_UNREADABLE):
            raw = part.get_payload(decode=True)
            if isinstance(raw, bytes):
                return raw, part.get_content_charset() or "utf-8"
    return written.encode(errors="replace"), "utf-8"


def _text(raw: bytes, charset: str) -> str:
    raw = raw[:_SNIPPET_SOURCE]
    with suppress(*_UNREADABLE):
        return raw.decode(charset, errors="replace")
    return raw.decode(errors="replace")
