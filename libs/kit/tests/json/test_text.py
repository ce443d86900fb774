from types import SimpleNamespace
from typing import Any

import pytest

from rotunda_kit.errors import FieldViolation
from rotunda_kit.json import scalar_from_text


def read(pb: SimpleNamespace, name: str, text: str) -> Any:
    return scalar_from_text(pb.Sample.DESCRIPTOR.fields_by_name[name], text)


class TestATextOfAPathOrQuery:
    @pytest.mark.parametrize(
        ("name", "text", "value"),
        [
            ("text_value", "4711", "4711"),
            ("texts", "one of many", "one of many"),
            ("int32_value", "-5", -5),
            ("uint64_value", "18446744073709551615", 2**64 - 1),
            ("double_value", "1.5", 1.5),
            ("bool_value", "true", True),
            ("bool_value", "false", False),
            ("wrapped_bool", "true", True),
            ("wrapped_int64", "7", 7),
            ("colour", "RED", 1),
            ("colours", "COLOUR_KIND_RED", 1),
            ("colour", "2", 2),
            ("bytes_value", "aGk", b"hi"),
        ],
    )
    def test_becomes_a_value(self, pb: SimpleNamespace, name: str, text: str, value: Any) -> None:
        assert read(pb, name, text) == value

    @pytest.mark.parametrize(
        ("name", "text", "description"),
        [
            ("int32_value", "1.5", "must be a whole number"),
            ("int32_value", "", "must be a whole number"),
            ("bool_value", "True", "must be true or false"),
            ("wrapped_bool", "1", "must be true or false"),
            ("colour", "99", "must be one of RED, DARK_GREEN, NEGATIVE"),
            ("colour", "²", "must be one of RED, DARK_GREEN, NEGATIVE"),
            ("text_value", "a\0", "contains a NUL character"),
            ("start_time", "yesterday", "must be a time with its zone, for example 2026-01-31T09:00:00Z"),
            ("part", "x", "cannot stand in a path or a query"),
            ("text_by_text", "x", "cannot stand in a path or a query"),
        ],
    )
    def test_that_does_not_fit_is_a_violation(
        self, pb: SimpleNamespace, name: str, text: str, description: str
    ) -> None:
        assert read(pb, name, text) == FieldViolation(name, description)

    def test_becomes_a_time_a_duration_or_a_mask(self, pb: SimpleNamespace) -> None:
        assert read(pb, "start_time", "1970-01-01T00:00:01Z").seconds == 1
        assert read(pb, "times", "1970-01-01T00:00:02Z").seconds == 2
        assert read(pb, "length", "1.5s").nanos == 500_000_000
        assert list(read(pb, "mask", "displayName,owner_id").paths) == ["display_name", "owner_id"]
