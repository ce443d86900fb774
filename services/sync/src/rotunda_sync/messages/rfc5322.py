"""Reading a mail (RFC 5322, MIME): as far as it goes; nothing here fails on a mangled one."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_string, policy
from email.errors import HeaderParseError, MessageError
from email.header import decode_header, make_header
from email.message import Message as Mail
from email.utils import getaddresses, parsedate_to_datetime
from html.parser import HTMLParser

SUBJECT_LENGTH = 255
SNIPPET_LENGTH = 200
NAME_LENGTH = 255
ID_LENGTH = 995
MOST_ADDRESSES = 100
# Characters of a part that the snippet is looked for in.
SNIPPET_SOURCE = 20_000

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_SPACE = re.compile(r"\s+")
# As much of RFC 5321 as is needed to tell an address from a name.
_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+")


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
    mail = message_from_string(source, policy=policy.compat32)
    senders = _addresses(mail, "From")
    name, address = senders[0] if senders else ("", "")
    return ParsedMail(
        subject=_header(mail, "Subject")[:SUBJECT_LENGTH].strip(),
        from_address=address,
        from_name=name[:NAME_LENGTH] or None,
        to_addresses=[found for _, found in _addresses(mail, "To")],
        cc_addresses=[found for _, found in _addresses(mail, "Cc")],
        sent_time=_date(mail),
        message_id=_id(mail, "Message-ID"),
        in_reply_to=_id(mail, "In-Reply-To"),
        snippet=_snippet(mail),
        attachment_count=sum(1 for part in mail.walk() if _is_attachment(part)),
    )


def _decoded(value: object) -> str:
    """A header's value in plain text: encoded words decoded, folds and control characters made spaces."""
    text = str(value)
    # What can't be decoded is left as it is written: somebody's unknown character set.
    with suppress(HeaderParseError, LookupError, ValueError):
        text = str(make_header(decode_header(text)))
    return _SPACE.sub(" ", _UNPRINTABLE.sub(" ", text)).strip()


def _header(mail: Mail, name: str) -> str:
    return _decoded(mail.get(name, ""))


def _addresses(mail: Mail, name: str) -> list[tuple[str, str]]:
    """Names and addresses of a header; what is no address is left out."""
    values = [str(value) for value in mail.get_all(name, [])]
    try:
        pairs: Iterable[tuple[str, str]] = getaddresses(values)
    except (IndexError, ValueError, TypeError):
        return []
    found = [(_decoded(display), _UNPRINTABLE.sub("", address)) for display, address in pairs]
    return [(display, address[:NAME_LENGTH]) for display, address in found if _ADDRESS.fullmatch(address)][
        :MOST_ADDRESSES
    ]


def _date(mail: Mail) -> datetime | None:
    try:
        moment = parsedate_to_datetime(str(mail.get("Date", "")))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _id(mail: Mail, name: str) -> str | None:
    text = _UNPRINTABLE.sub("", str(mail.get(name, "")))
    return text.strip().strip("<>").strip()[:ID_LENGTH] or None


def _is_attachment(part: Mail) -> bool:
    disposition = str(part.get("Content-Disposition", "")).partition(";")[0].strip().lower()
    return disposition == "attachment"


class _Text(HTMLParser):
    """The words of a page, without its styles and scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's
        self._silent += tag in ("style", "script", "head")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script", "head") and self._silent:
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def _snippet(mail: Mail) -> str:
    """The first words of the text, or of the page where there is no text."""
    texts = {part.get_content_type(): part for part in reversed(list(mail.walk())) if not _is_attachment(part)}
    part = texts.get("text/plain") or texts.get("text/html")
    if part is None:
        return ""
    content = _content(part)[:SNIPPET_SOURCE]
    if part.get_content_type() == "text/html":
        reader = _Text()
        reader.feed(content)
        content = " ".join(reader.words)
    return _SPACE.sub(" ", _UNPRINTABLE.sub(" ", content)).strip()[:SNIPPET_LENGTH].strip()


def _content(part: Mail) -> str:
    try:
        raw = part.get_payload(decode=True)
        if not isinstance(raw, bytes):
            return ""
        return raw.decode(part.get_content_charset() or "utf-8", errors="replace")
    except (LookupError, ValueError, AssertionError, MessageError):
        # An unknown character set or encoding: as it is written.
        return str(part.get_payload())
