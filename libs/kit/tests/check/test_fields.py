import math
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from rotunda_kit.check import check_and_normalise
from rotunda_kit.json import decoder
from rotunda_kit.violations import MAX_VIOLATIONS

UUID = "01906f2e-7f1c-7b1c-8a1c-0123456789ab"


def wrong(message: Message) -> dict[str, str]:
    return {violation.field: violation.description for violation in check_and_normalise(message)}


def gadget(pb: SimpleNamespace, **fields: Any) -> Any:
    return pb.Gadget(display_name="A", **fields)


class TestRequired:
    def test_fields_must_be_set(self, pb: SimpleNamespace) -> None:
        assert wrong(pb.CreateGadgetRequest()) == {"gadget": "must be set"}
        assert wrong(pb.Piece()) == dict.fromkeys(
            ["label", "kind", "count", "made_time", "names", "digest", "email"], "must be set"
        )

    def test_strings_are_not_blank(self, pb: SimpleNamespace) -> None:
        message = pb.CreateGadgetRequest(gadget=pb.Gadget(display_name=" \t"))

        assert wrong(message) == {"gadget.display_name": "must be set"}

    def test_blank_strings_with_a_format_are_named_once(self, pb: SimpleNamespace) -> None:
        violations = check_and_normalise(pb.Gadget(display_name="A", pieces=[pb.Piece(email=" ")]))

        assert [v.description for v in violations if v.field == "pieces[0].email"] == ["must be set"]

    def test_values_may_be_zero_where_zero_is_a_value(self, pb: SimpleNamespace) -> None:
        piece = pb.Piece(label="x", kind=1, count=0, names=["x"], digest=b"x", email="a@example.com")
        piece.made_time.SetInParent()

        assert wrong(piece) == {}

    def test_fields_are_found_in_every_nested_message(self, pb: SimpleNamespace) -> None:
        message = gadget(pb, parent=gadget(pb, parent=pb.Gadget()))
        message.pieces.add(label="x")
        message.piece_by_name["left"].SetInParent()

        violations = wrong(message)

        assert violations["parent.parent.display_name"] == "must be set"
        assert violations["pieces[0].kind"] == "must be set"
        assert violations["piece_by_name[left].label"] == "must be set"

    def test_fields_of_the_server_are_not_looked_at(self, pb: SimpleNamespace) -> None:
        message = gadget(pb, id="\0 nonsense")
        message.create_time.nanos = -5

        assert wrong(message) == {}


class TestBounds:
    @pytest.mark.parametrize(
        ("field", "value", "description"),
        [
            ("display_name", "x" * 256, "is longer than 255 characters (has 256)"),
            ("note", "x" * 2001, "is longer than 2000 characters (has 2001)"),
            ("thumbnail", b"12345", "is longer than 4 bytes (has 5)"),
            ("picture", b"x" * (1024 * 1024 + 1), "is longer than 1048576 bytes (has 1048577)"),
            ("tags", ["x"] * 4, "has more than 3 entries (has 4)"),
            ("kinds", [1] * 101, "has more than 100 entries (has 101)"),
            ("labels", {"a": "", "b": "", "c": ""}, "has more than 2 entries (has 3)"),
            ("year", 0, "must be at least 1"),
            ("year", 10_000, "must be at most 9999"),
            ("share", 0.75, "must be at most 0.5"),
            ("size", -1, "must be at least 1"),
            ("ratio", math.nan, "must be a finite number"),
            ("ratio", math.inf, "must be a finite number"),
            ("share", math.nan, "must be a finite number"),
            ("kind", 99, "has no value with the number 99"),
            ("etag", "a\0", "contains a NUL character"),
        ],
    )
    def test_that_are_broken_are_named(self, pb: SimpleNamespace, field: str, value: Any, description: str) -> None:
        message = gadget(pb)
        if isinstance(value, dict):
            getattr(message, field).update(value)
        elif isinstance(value, list):
            getattr(message, field).extend(value)
        else:
            setattr(message, field, value)

        assert wrong(message) == {field: description}

    def test_hold_for_each_entry_of_lists_and_maps(self, pb: SimpleNamespace) -> None:
        message = gadget(pb, tags=["x", "y\0"], kinds=[1, 7], labels={"a": "123456", "b\0": ""})

        assert wrong(message) == {
            "tags[1]": "contains a NUL character",
            "kinds[1]": "has no value with the number 7",
            "labels[a]": "is longer than 5 characters (has 6)",
            "labels[b\0]": "contains a NUL character",
        }

    def test_are_bounded_in_number(self, pb: SimpleNamespace) -> None:
        message = gadget(pb, pieces=[pb.Piece()] * 100)

        assert len(check_and_normalise(message)) == MAX_VIOLATIONS

    def test_let_the_greatest_values_pass(self, pb: SimpleNamespace) -> None:
        message = gadget(pb, year=9999, share=0.5, note="x" * 2000, thumbnail=b"1234", tags=["x"] * 3, size=2**63 - 1)

        assert wrong(message) == {}


class TestFormats:
    @pytest.mark.parametrize(
        ("field", "given", "kept"),
        [
            ("display_name", "  ACME \n", "ACME"),
            ("note", " two\nlines \n", " two\nlines \n"),
            ("password", " secret ", " secret "),
            ("owner_id", f" {UUID.upper()} ", UUID),
            ("email", "Ann@EXAMPLE.com", "Ann@example.com"),
            ("phone", "+49 (0)30 / 12345", "+493012345"),
            ("website", "https://example.com:8080/a?b=c#d", "https://example.com:8080/a?b=c#d"),
            ("country_code", "de", "DE"),
            ("time_zone", "Europe/Berlin", "Europe/Berlin"),
            ("language", "DE-at", "de-AT"),
            ("language", "zh-hant-tw", "zh-Hant-TW"),
            ("language", "ca-ES-Valencia", "ca-ES-valencia"),
        ],
    )
    def test_have_one_spelling_that_is_kept(self, pb: SimpleNamespace, field: str, given: str, kept: str) -> None:
        message = gadget(pb)
        setattr(message, field, given)

        assert wrong(message) == {}
        assert getattr(message, field) == kept

    @pytest.mark.parametrize(
        ("field", "value", "description"),
        [
            ("owner_id", "4711", "is not a UUID"),
            ("owner_id", UUID.replace("-", ""), "is not a UUID"),
            ("owner_id", "", "is empty; leave it out instead"),
            ("phone", "030 12345", "is not a phone number with a country code, for example +49 30 12345"),
            ("phone", "call me", "is not a phone number"),
            ("phone", "+49 1", "is not a phone number"),
            ("phone", "+1 202 555 01234", "is not a phone number: it has too few or too many digits"),
            ("phone", "+49 30 12345 ext. 7", "is a phone number with an extension, which cannot be kept"),
            ("website", "www.example.com", "is not an absolute http or https address"),
            ("website", "javascript:alert(1)", "is not an absolute http or https address"),
            ("website", "https://", "is not an absolute http or https address"),
            ("website", "https://example.com:x", "is not an absolute http or https address"),
            ("website", "https://exa mple.com", "is not an absolute http or https address"),
            ("website", "https://[1", "is not an absolute http or https address"),
            ("country_code", "XX", "is not a country code of ISO 3166-1 alpha-2, for example DE"),
            ("country_code", "DEU", "is not a country code of ISO 3166-1 alpha-2, for example DE"),
            ("time_zone", "Berlin", "is not an IANA time zone, for example Europe/Berlin"),
            ("time_zone", "../etc/passwd", "is not an IANA time zone, for example Europe/Berlin"),
            ("language", "german", "is not a language tag of BCP 47, for example de-AT"),
        ],
    )
    def test_refuse_what_is_not_written_so(self, pb: SimpleNamespace, field: str, value: str, description: str) -> None:
        message = gadget(pb)
        setattr(message, field, value)

        assert wrong(message) == {field: description}
        assert getattr(message, field) == value

    def test_say_why_an_address_is_none(self, pb: SimpleNamespace) -> None:
        description = wrong(gadget(pb, email="ann.example.com"))["email"]

        assert description.startswith("is not an e-mail address: ")
        assert "@" in description

    def test_hold_for_lists_of_ids(self, pb: SimpleNamespace) -> None:
        message = gadget(pb, member_ids=[UUID.upper(), "x"])

        assert wrong(message) == {"member_ids[1]": "is not a UUID"}
        assert message.member_ids[0] == UUID

    def test_hold_for_wrappers(self, pb: SimpleNamespace) -> None:
        message = gadget(pb)
        message.wrapped_email.value = " ann@EXAMPLE.com"
        message.wrapped_bool.value = True

        assert wrong(message) == {}
        assert message.wrapped_email.value == "ann@example.com"
        message.wrapped_email.value = "x"
        assert list(wrong(message)) == ["wrapped_email"]

    def test_strip_the_values_of_maps(self, pb: SimpleNamespace) -> None:
        message = gadget(pb, labels={"a": " b "})

        assert wrong(message) == {}
        assert dict(message.labels) == {"a": "b"}


class TestAmounts:
    @pytest.mark.parametrize(
        ("currency", "units", "nanos", "violation"),
        [
            ("", 1, 0, {"price.currency_code": "must be set"}),
            ("EURO", 1, 0, {"price.currency_code": "is not a currency code of ISO 4217, for example EUR"}),
            ("E1R", 1, 0, {"price.currency_code": "is not a currency code of ISO 4217, for example EUR"}),
            ("EUR", 1, -1, {"price.nanos": "must have the same sign as units"}),
            ("EUR", -1, 1, {"price.nanos": "must have the same sign as units"}),
            ("EUR", 0, 10**9, {"price.nanos": "must be between -999999999 and 999999999"}),
            ("EUR", -1, -1, {}),
            (" eur ", 0, -1, {}),
        ],
    )
    def test_have_a_currency_and_one_sign(
        self, pb: SimpleNamespace, currency: str, units: int, nanos: int, violation: dict[str, str]
    ) -> None:
        message = gadget(pb)
        message.price.currency_code, message.price.units, message.price.nanos = currency, units, nanos

        assert wrong(message) == violation
        if not violation:
            assert message.price.currency_code == "EUR"


class TestDaysAndTimes:
    @pytest.mark.parametrize(
        ("day", "description"),
        [
            ((2026, 2, 29), "is no day of the calendar in the years 1 to 9999"),
            ((10_000, 1, 1), "is no day of the calendar in the years 1 to 9999"),
            ((-1, 1, 1), "is no day of the calendar in the years 1 to 9999"),
            ((2026, 0, 0), "must be a full date with year, month and day"),
            ((0, 12, 24), "must be a full date with year, month and day"),
        ],
    )
    def test_of_no_calendar_are_refused(self, pb: SimpleNamespace, day: tuple[int, int, int], description: str) -> None:
        message = gadget(pb)
        message.birthday.year, message.birthday.month, message.birthday.day = day

        assert wrong(message) == {"birthday": description}

    @given(day=st.dates())
    def test_of_the_calendar_pass(self, pb: SimpleNamespace, day: Any) -> None:
        message = gadget(pb)
        message.birthday.year, message.birthday.month, message.birthday.day = day.year, day.month, day.day

        assert wrong(message) == {}

    def test_lie_within_what_protobuf_can_say(self, pb: SimpleNamespace) -> None:
        message = gadget(pb)
        message.due_time.seconds = 253_402_300_800
        message.length.seconds, message.length.nanos = 1, -1

        assert wrong(message) == {
            "due_time": "must lie in the years 1 to 9999",
            "length.nanos": "must have the same sign as seconds",
        }


class TestAnyJson:
    def test_is_bounded_in_every_direction(self, pb: SimpleNamespace) -> None:
        message = gadget(pb)
        message.attributes.update({"a": "x" * 256, "b": [1, {"c": math.nan}], "d": [0] * 101, "e\0": None})
        message.anything.string_value = "\0"
        message.list.extend([1] * 101)

        assert wrong(message) == {
            "attributes[a]": "is longer than 255 characters (has 256)",
            "attributes[b][1][c]": "must be a finite number",
            "attributes[d]": "has more than 100 entries (has 101)",
            "attributes[e\0]": "contains a NUL character",
            "anything": "contains a NUL character",
            "list": "has more than 100 entries (has 101)",
        }

    def test_is_bounded_in_depth_as_it_is_when_read_from_json(self, pb: SimpleNamespace) -> None:
        message = gadget(pb)
        place = message.attributes
        for _ in range(15):
            place = place.fields["a"].struct_value
        place.SetInParent()
        assert wrong(message) == {}
        assert decoder(pb.Gadget)({"attributes": {"a": []}}).violations == []

        place.fields["a"].list_value.SetInParent()

        assert list(wrong(message).values()) == ["is nested more than 16 levels deep"]


class TestMasks:
    def test_are_bounded(self, pb: SimpleNamespace) -> None:
        message = gadget(pb)
        message.mask.paths.extend(["a"] * 101)
        assert wrong(message) == {"mask": "has more than 100 paths (has 101)"}

        del message.mask.paths[1:]
        message.mask.paths.append("x" * 256)
        assert wrong(message) == {"mask": f'has the path "{"x" * 64}", which is no field path'}
