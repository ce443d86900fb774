from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf import struct_pb2

from rotunda_kit.errors import FieldViolation
from rotunda_kit.json import decoder
from rotunda_kit.violations import MAX_VIOLATIONS

ALLOWED_COLOURS = "must be one of RED, DARK_GREEN, NEGATIVE"


def wrong(message_type: type[Any], body: Any) -> dict[str, str]:
    return {violation.field: violation.description for violation in decoder(message_type)(body).violations}


def nested(levels: int, key: str) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for _ in range(levels - 1):
        body = {key: body}
    return body


class TestNames:
    def test_are_taken_in_camel_case_and_in_snake_case(self, pb: SimpleNamespace) -> None:
        decoded = decoder(pb.Sample)({"textValue": "a", "int32_value": 3, "fieldName1": "b", "fieldName2": "c"})

        assert decoded.violations == []
        assert decoded.message == pb.Sample(text_value="a", int32_value=3, field_name_1="b", fieldName2="c")

    def test_that_nothing_has_are_refused_with_the_one_most_like_them(self, pb: SimpleNamespace) -> None:
        assert wrong(pb.Sample, {"textValu": "a", "part": {"nothing_like_it": 1}}) == {
            "textValu": 'is not a field of Sample; did you mean "textValue"?',
            "part.nothing_like_it": "is not a field of Part",
        }

    def test_that_are_very_long_are_shown_in_part(self, pb: SimpleNamespace) -> None:
        (violation,) = decoder(pb.Sample)({"x" * 100_000: 1}).violations

        assert len(violation.field) < 100

    def test_given_in_both_spellings_are_refused(self, pb: SimpleNamespace) -> None:
        assert wrong(pb.Sample, {"textValue": "a", "text_value": "a"}) == {
            "text_value": 'is given twice, as "textValue" and as "text_value"'
        }


class TestPresence:
    def test_names_the_keys_that_stood_in_the_body_nulls_too(self, pb: SimpleNamespace) -> None:
        body: dict[str, Any] = {"textValue": "a", "part": None, "child": {"boolValue": True}, "texts": []}

        assert decoder(pb.Sample)(body).present == ("text_value", "part", "child", "texts")

    def test_leaves_out_what_only_the_server_writes(self, pb: SimpleNamespace) -> None:
        body = {"id": 4711, "displayName": "A", "computed": "nonsense"}

        decoded = decoder(pb.Guarded)(body)

        assert decoded.violations == []
        assert decoded.present == ("display_name",)
        assert decoded.message == pb.Guarded(display_name="A")

    def test_null_clears(self, pb: SimpleNamespace) -> None:
        before = pb.Sample(text_value="a", texts=["b"], maybe_text="c", part=pb.Part(label="d"), bool_value=True)
        body = {"textValue": None, "texts": None, "maybeText": None, "part": None}

        decoded = decoder(pb.Sample)(body, before)

        assert decoded.violations == []
        assert decoded.message is before
        assert before == pb.Sample(bool_value=True)

    def test_lists_and_messages_replace_what_was_there(self, pb: SimpleNamespace) -> None:
        before = pb.Sample(texts=["a"], part=pb.Part(label="b"), text_by_text={"c": "d"})

        decoder(pb.Sample)({"texts": ["x"], "part": {"partCount": 1}, "textByText": {"y": "z"}}, before)

        assert before == pb.Sample(texts=["x"], part=pb.Part(part_count=1), text_by_text={"y": "z"})

    def test_an_empty_object_sets_a_message(self, pb: SimpleNamespace) -> None:
        assert decoder(pb.Sample)({"part": {}}).message.HasField("part")


class TestViolations:
    def test_name_every_wrong_field_with_its_place(self, pb: SimpleNamespace) -> None:
        body = {
            "textValue": 1,
            "part": [],
            "child": {"int32Value": 1.5, "parts": [{"label": "fine"}, {"label": True}, None]},
            "texts": "a",
            "longs": ["1", "x"],
            "partByText": {"left": {"partCount": "y"}, "right": 3},
            "colourByBool": {"yes": "RED"},
        }

        assert wrong(pb.Sample, body) == {
            "text_value": "must be a string, is a number",
            "part": "must be an object, is a list",
            "child.int32_value": "must be a whole number",
            "child.parts[1].label": "must be a string, is a boolean",
            "child.parts[2]": "must be an object, is null",
            "texts": "must be a list, is a string",
            "longs[1]": "must be a whole number",
            "part_by_text[left].part_count": "must be a whole number",
            "part_by_text[right]": "must be an object, is a number",
            "colour_by_bool": "has a key that must be true or false",
        }

    @pytest.mark.parametrize("body", [None, [], "x", 1, True])
    def test_name_the_body_itself_when_it_is_no_object(self, pb: SimpleNamespace, body: Any) -> None:
        (violation,) = decoder(pb.Sample)(body).violations

        assert violation.field == ""
        assert violation.description.startswith("must be an object, is ")

    def test_are_bounded(self, pb: SimpleNamespace) -> None:
        violations = decoder(pb.Sample)({"texts": [1] * 100_000}).violations

        assert len(violations) == MAX_VIOLATIONS


class TestScalars:
    @pytest.mark.parametrize(
        ("key", "value", "description"),
        [
            ("int32Value", 2**31, "must be between -2147483648 and 2147483647"),
            ("uint32Value", -1, "must be between 0 and 4294967295"),
            ("int64Value", str(2**63), "must be between -9223372036854775808 and 9223372036854775807"),
            ("uint64Value", 2.0**64, "must be between 0 and 18446744073709551615"),
            ("int32Value", True, "must be a whole number, is a boolean"),
            ("int32Value", " 1", "must be a whole number"),
            ("int32Value", "9" * 10_000, "must be a whole number"),
            ("doubleValue", "nan", "must be a number"),
            ("doubleValue", "1_0", "must be a number"),
            ("doubleValue", "1e999", "is too large"),
            ("floatValue", 1e39, "is too large"),
            ("doubleValue", False, "must be a number, is a boolean"),
            ("boolValue", "true", "must be true or false, is a string"),
            ("boolValue", 1, "must be true or false, is a number"),
            ("textValue", "a\0b", "contains a NUL character"),
            ("textValue", "a\ud800", "contains half of a surrogate pair"),
            ("bytesValue", "a?b=", "is not base64"),
            ("bytesValue", "a", "is not base64"),
            ("bytesValue", "é", "is not base64"),
            ("bytesValue", 1, "must be a base64 string, is a number"),
            ("colour", "BLUE", ALLOWED_COLOURS),
            ("colour", 99, ALLOWED_COLOURS),
            # Of 64 bits, whose lower 32 are RED's number.
            ("colour", 2**32 + 1, ALLOWED_COLOURS),
            ("colour", 1 - 2**32, ALLOWED_COLOURS),
            ("colour", True, ALLOWED_COLOURS),
            ("colour", ["RED"], ALLOWED_COLOURS),
            ("plain", "OTHER", "must be one of NONE, SOME"),
            ("nothing", 0, "must be null, is a number"),
            ("wrappedInt32", "x", "must be a whole number"),
        ],
    )
    def test_that_do_not_fit_are_refused(self, pb: SimpleNamespace, key: str, value: Any, description: str) -> None:
        (violation,) = decoder(pb.Sample)({key: value}).violations

        assert violation.description == description

    @pytest.mark.parametrize(
        ("key", "value", "expected"),
        [
            ("int32Value", "-5", -5),
            ("int32Value", 1.0, 1),
            ("int64Value", 2**63 - 1, 2**63 - 1),
            ("doubleValue", 3, 3.0),
            ("doubleValue", "-1.5e3", -1500.0),
            ("colour", "COLOUR_KIND_RED", 1),
            ("colour", "RED", 1),
            ("colour", 1, 1),
            ("colour", "UNSPECIFIED", 0),
        ],
    )
    def test_are_taken_in_every_spelling(self, pb: SimpleNamespace, key: str, value: Any, expected: Any) -> None:
        decoded = decoder(pb.Sample)({key: value})

        assert decoded.violations == []
        assert getattr(decoded.message, decoded.present[0]) == expected


class TestOneofs:
    def test_cannot_be_set_twice(self, pb: SimpleNamespace) -> None:
        assert wrong(pb.Sample, {"chosenText": "a", "chosenInt32": 0}) == {
            "chosen_int32": "cannot be set together with chosen_text"
        }

    def test_may_have_their_other_members_null(self, pb: SimpleNamespace) -> None:
        decoded = decoder(pb.Sample)({"chosenText": None, "chosenInt32": 0, "chosenPart": None})

        assert decoded.violations == []
        assert decoded.message.WhichOneof("choice") == "chosen_int32"


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "seconds", "nanos"),
        [
            ("1970-01-01T00:00:01Z", 1, 0),
            ("1970-01-01t02:00:00.5+02:00", 0, 500_000_000),
            ("1969-12-31T23:59:59.999999999z", -1, 999_999_999),
            ("0001-01-01T00:00:00Z", -62_135_596_800, 0),
            ("9999-12-31T23:59:59Z", 253_402_300_799, 0),
        ],
    )
    def test_are_read_with_their_zone(self, pb: SimpleNamespace, text: str, seconds: int, nanos: int) -> None:
        time = decoder(pb.Sample)({"startTime": text}).message.start_time

        assert (time.seconds, time.nanos) == (seconds, nanos)

    @pytest.mark.parametrize(
        ("value", "description"),
        [
            ("2026-01-31T09:00:00", "must be a time with its zone, for example 2026-01-31T09:00:00Z"),
            ("2026-01-31", "must be a time with its zone, for example 2026-01-31T09:00:00Z"),
            ("2026-01-31T09:00:00.1234567890Z", "must be a time with its zone, for example 2026-01-31T09:00:00Z"),
            ("2026-02-30T09:00:00Z", "is no time of any calendar day in the years 1 to 9999"),
            ("2026-01-31T09:00:60Z", "is no time of any calendar day in the years 1 to 9999"),
            ("2026-01-31T09:00:00+24:00", "is no time of any calendar day in the years 1 to 9999"),
            ("2026-01-31T09:00:00+01:60", "is no time of any calendar day in the years 1 to 9999"),
            ("0000-01-01T00:00:00Z", "is no time of any calendar day in the years 1 to 9999"),
            ("0001-01-01T00:00:00+01:00", "must lie in the years 1 to 9999"),
            ("9999-12-31T23:59:59-00:01", "must lie in the years 1 to 9999"),
            (1_700_000_000, "must be a time as a string, is a number"),
        ],
    )
    def test_that_there_are_not_are_refused(self, pb: SimpleNamespace, value: Any, description: str) -> None:
        assert wrong(pb.Sample, {"startTime": value}) == {"start_time": description}

    @pytest.mark.parametrize("value", ["1", "1.s", "s", "1.0000000001s", "315576000000.1s", "1e3s", 5])
    def test_that_are_durations_are_bounded_seconds(self, pb: SimpleNamespace, value: Any) -> None:
        assert list(wrong(pb.Sample, {"length": value})) == ["length"]

    def test_may_last_for_less_than_no_time(self, pb: SimpleNamespace) -> None:
        length = decoder(pb.Sample)({"length": "-0.5s"}).message.length

        assert (length.seconds, length.nanos) == (0, -500_000_000)


class TestOtherMessages:
    def test_money_takes_units_as_text_and_as_a_number(self, pb: SimpleNamespace) -> None:
        decode = decoder(pb.Sample)

        for units in ("12", 12, 12.0):
            decoded = decode({"amount": {"currencyCode": "EUR", "units": units}})
            assert (decoded.violations, decoded.message.amount.units) == ([], 12)

    def test_a_mask_takes_both_spellings(self, pb: SimpleNamespace) -> None:
        decoded = decoder(pb.Sample)({"mask": "displayName, owner_id,*"})

        assert list(decoded.message.mask.paths) == ["display_name", "owner_id", "*"]

    @pytest.mark.parametrize("value", ["a,,b", "a b", "a;b", ["a"]])
    def test_a_mask_is_paths_and_commas(self, pb: SimpleNamespace, value: Any) -> None:
        assert list(wrong(pb.Sample, {"mask": value})) == ["mask"]

    def test_null_is_a_value_of_a_value(self, pb: SimpleNamespace) -> None:
        message = decoder(pb.Sample)({"anything": None, "values": [None], "wrappedText": None}).message

        assert message.anything.WhichOneof("kind") == "null_value"
        assert message.values[0] == struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        assert not message.HasField("wrapped_text")

    def test_a_struct_holds_no_nul(self, pb: SimpleNamespace) -> None:
        body = {"attributes": {"a": ["x", {"b": "\0"}], "c\0": 1}}

        assert wrong(pb.Sample, body) == {
            "attributes[a][1][b]": "contains a NUL character",
            "attributes": "has a key that contains a NUL character",
        }

    @pytest.mark.parametrize(
        ("value", "field"),
        [
            ({"@type": "type.googleapis.com/no.such.Type"}, "any.@type"),
            ({"label": "x"}, "any.@type"),
            ({"@type": "type.googleapis.com/google.protobuf.Duration", "seconds": 1}, "any"),
            ({"@type": "type.googleapis.com/google.protobuf.Duration", "value": 1}, "any"),
            ({"@type": "type.googleapis.com/google.type.Money", "units": "x"}, "any.units"),
            ([], "any"),
        ],
    )
    def test_an_any_that_does_not_fit_its_type_is_refused(self, pb: SimpleNamespace, value: Any, field: str) -> None:
        assert list(wrong(pb.Sample, {"any": value})) == [field]

    def test_an_any_may_hold_a_message_that_is_text_in_json(self, pb: SimpleNamespace) -> None:
        body = {"any": {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "3s"}}

        decoded = decoder(pb.Sample)(body)

        assert decoded.violations == []
        assert b"\x08\x03" in decoded.message.any.value


class TestDepth:
    def test_of_messages_is_bounded(self, pb: SimpleNamespace) -> None:
        assert wrong(pb.Sample, nested(32, "child")) == {}
        assert wrong(pb.Sample, nested(33, "child")) == {".".join(["child"] * 32): "is nested more than 32 levels deep"}

    def test_of_structs_is_bounded(self, pb: SimpleNamespace) -> None:
        assert wrong(pb.Sample, {"attributes": nested(16, "a")}) == {}
        assert list(wrong(pb.Sample, {"attributes": nested(17, "a")}).values()) == [
            "is nested more than 16 levels deep"
        ]
        assert list(wrong(pb.Sample, {"anything": nested(17, "a")}).values()) == ["is nested more than 16 levels deep"]

    def test_of_all_together_stays_below_what_protobuf_parses(self, pb: SimpleNamespace) -> None:
        body: dict[str, Any] = {"attributes": nested(16, "a")}
        for _ in range(31):
            body = {"child": body}

        decoded = decoder(pb.Sample)(body)

        assert decoded.violations == []
        assert pb.Sample.FromString(decoded.message.SerializeToString()) == decoded.message

    def test_of_any_inside_of_any_is_bounded(self, pb: SimpleNamespace) -> None:
        any_of = {"@type": "type.googleapis.com/google.protobuf.Any"}
        body: dict[str, Any] = {}
        for _ in range(1000):
            body = {**any_of, "value": body}

        (violation,) = decoder(pb.Sample)({"any": body}).violations

        assert violation == FieldViolation(violation.field, "is nested more than 32 levels deep")
