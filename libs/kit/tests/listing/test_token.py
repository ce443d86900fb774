import base64
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotunda_kit.errors import InvalidArgument
from rotunda_kit.listing.field import ListField
from rotunda_kit.listing.token import read_token, write_token

Fields = Mapping[str, ListField]

ID = UUID("0198c2e4-7d1a-7e3f-8a55-2b9d4c6f1e07")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


def forged(query: str, payload: bytes) -> str:
    """A token whose digest is right, whatever it holds."""
    digest = hashlib.sha256(json.dumps(query).encode() + payload).digest()[:16]
    return base64.urlsafe_b64encode(digest + payload).decode().rstrip("=")


def is_refused(token: str, query: str, fields: list[ListField]) -> bool:
    with pytest.raises(InvalidArgument) as caught:
        read_token(token, query, fields)
    return caught.value.reason == "INVALID_PAGE_TOKEN" and [v.field for v in caught.value.violations] == ["page_token"]


class TestToken:
    @settings(deadline=None)
    @given(
        note=st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        rank=st.integers(-(2**63), 2**63 - 1),
        owner=st.none() | st.uuids(),
        amount=st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=9),
        score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        done=st.none() | st.booleans(),
        create_time=st.datetimes(timezones=st.just(UTC)),
        due_date=st.none() | st.dates(),
    )
    def test_gives_back_what_was_put_in(self, fields: Fields, **values: Any) -> None:
        names = ["note", "rank", "owner_id", "amount", "score", "done", "create_time", "due_date"]
        row = list(values.values())

        read = read_token(write_token("query", row), "query", [fields[name] for name in names])

        assert read == row
        assert list(map(type, read)) == list(map(type, row))

    def test_is_safe_in_a_url(self) -> None:
        token = write_token("query", ["ÿ?~" * 5, ID])

        assert token.replace("-", "").replace("_", "").isalnum()
        assert token.isascii()

    def test_belongs_to_one_query(self, fields: Fields) -> None:
        token = write_token("query", [ID])

        assert read_token(token, "query", [fields["id"]]) == [ID]
        assert is_refused(token, "another", [fields["id"]])

    def test_is_refused_where_a_character_is_missing_or_changed(self, fields: Fields) -> None:
        token = write_token("query", [Decimal("5.25"), ID])
        listed = [fields["amount"], fields["id"]]

        for at in range(len(token)):
            assert is_refused(token[:at], "query", listed)
            changed = "A" if token[at] != "A" else "B"
            assert is_refused(f"{token[:at]}{changed}{token[at + 1 :]}", "query", listed)

    @pytest.mark.parametrize("spoilt", ["{}=", "{}\n", " {}", "{}AAAA", "{}ä"])
    def test_is_refused_where_it_is_spelt_otherwise(self, spoilt: str, fields: Fields) -> None:
        assert is_refused(spoilt.format(write_token("query", [ID])), "query", [fields["id"]])

    @settings(deadline=None)
    @given(st.text())
    def test_is_refused_whatever_else_it_is(self, fields: Fields, token: str) -> None:
        assert is_refused(token, "query", [fields["id"]])

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("id", None),
            ("id", 1),
            ("id", "1"),
            ("rank", 5),
            ("rank", "five"),
            ("rank", str(2**63)),
            ("amount", "NaN"),
            ("amount", "1e99999"),
            ("note", "\0"),
            ("note", "\ud800"),
            ("note", ["a"]),
            ("done", True),
            ("done", "yes"),
            ("create_time", "2026-01-31T00:00:00"),
            ("create_time", "0001-01-01T00:00:00+23:59"),
            ("due_date", "2026-02-30"),
        ],
    )
    def test_with_a_wrong_value_is_refused_even_if_its_digest_is_right(
        self, name: str, value: object, fields: Fields
    ) -> None:
        assert is_refused(forged("query", json.dumps([value]).encode()), "query", [fields[name]])

    @pytest.mark.parametrize("payload", [b"", b"{}", b"null", b"[]", b'["a", "b"]', b"[" * 100_000, b"\xff", b"[NaN]"])
    def test_with_other_content_is_refused_even_if_its_digest_is_right(self, payload: bytes, fields: Fields) -> None:
        assert is_refused(forged("query", payload), "query", [fields["note"]])

    @settings(deadline=None)
    @given(payload=JSON.map(lambda value: json.dumps(value).encode()) | st.binary())
    def test_lets_only_values_of_the_fields_through(self, fields: Fields, payload: bytes) -> None:
        names = {"note": str, "rank": int, "due_date": date, "create_time": datetime}
        for name, expected in names.items():
            with suppress(InvalidArgument):
                [value] = read_token(forged("query", payload), "query", [fields[name]])
                assert value is None or type(value) is expected
