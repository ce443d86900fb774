"""How strings of each `rotunda.kit.v1.Format` are written.

Each function returns the one form in which a value is kept, and raises `Unfit` for a value that is not written so.
None is ever given an empty string.
"""

import re
import zoneinfo
from collections.abc import Callable
from functools import cache
from importlib import resources
from urllib.parse import urlsplit

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from rotunda.kit.v1 import annotations_pb2
from rotunda_kit.violations import Unfit

Fit = Callable[[str], str]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LANGUAGE = re.compile(
    r"(?P<language>[A-Za-z]{2,3})(?:-(?P<script>[A-Za-z]{4}))?(?:-(?P<region>[A-Za-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*)"
)
_NOT_IN_URL = re.compile(r"[\s\x00-\x1f\x7f]")


def uuid(value: str) -> str:
    """A UUID with its hyphens, in lower case."""
    if _UUID.fullmatch(value):
        return value
    lower = value.lower()
    if not _UUID.fullmatch(lower):
        raise Unfit("is not a UUID")
    return lower


def is_uuid(value: str) -> bool:
    """Whether a text is a UUID with its hyphens, in whatever case."""
    return _UUID.fullmatch(value.lower()) is not None


def email(value: str) -> str:
    """An e-mail address, its domain in lower case; the domain is not looked up."""
    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise Unfit(f"is not an e-mail address: {error}") from None


def phone(value: str) -> str:
    """A phone number with a country code, in E.164."""
    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            raise Unfit("is not a phone number with a country code, for example +49 30 12345") from None
        raise Unfit("is not a phone number") from None
    if number.extension:
        raise Unfit("is a phone number with an extension, which cannot be kept")
    # Not is_valid_number: numbering plans change faster than its tables.
    if not phonenumbers.is_possible_number(number):
        raise Unfit("is not a phone number: it has too few or too many digits")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def url(value: str) -> str:
    """An absolute http or https address, as it was given."""
    try:
        parts = urlsplit(value)
        is_absolute = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_absolute = False
    # urlsplit drops line breaks silently.
    if not is_absolute or _NOT_IN_URL.search(value):
        raise Unfit("is not an absolute http or https address")
    return value


@cache
def countries() -> frozenset[str]:
    """The codes of ISO 3166-1 alpha-2, as the IANA time zone database lists them."""
    table = resources.files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text(encoding="utf-8")
    return frozenset(line[:2] for line in table.splitlines() if not line.startswith("#"))


def country(value: str) -> str:
    """An ISO 3166-1 alpha-2 code, in upper case."""
    upper = value.upper()
    if upper not in countries():
        raise Unfit("is not a country code of ISO 3166-1 alpha-2, for example DE")
    return upper


_time_zones = cache(zoneinfo.available_timezones)


def time_zone(value: str) -> str:
    """The key of an IANA time zone."""
    if value not in _time_zones():
        raise Unfit("is not an IANA time zone, for example Europe/Berlin")
    return value


def language(value: str) -> str:
    """A BCP 47 language tag, in the case that RFC 5646 section 2.1.1 recommends: `zh-Hant-TW`."""
    match = _LANGUAGE.fullmatch(value)
    if match is None:
        raise Unfit("is not a language tag of BCP 47, for example de-AT")
    script, region = match["script"], match["region"]
    parts = [match["language"].lower(), script and script.title(), region and region.upper()]
    return "-".join(filter(None, parts)) + match["variants"].lower()


FORMATS: dict[int, Fit] = {
    annotations_pb2.FORMAT_UUID: uuid,
    annotations_pb2.FORMAT_EMAIL: email,
    annotations_pb2.FORMAT_PHONE: phone,
    annotations_pb2.FORMAT_URL: url,
    annotations_pb2.FORMAT_COUNTRY: country,
    annotations_pb2.FORMAT_TIME_ZONE: time_zone,
    annotations_pb2.FORMAT_LANGUAGE: language,
}
"""By number of the Format; FORMAT_TEXT has no form of its own."""
