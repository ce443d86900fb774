"""The converters against `google.protobuf.json_format`, on messages of any content."""

import base64
import math
import struct
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import orjson
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from rotunda_kit.descriptors import descriptor_of, enum_prefix, is_map, map_fields, message_class
from rotunda_kit.json import decoder, encoder

MAX_DEPTH = 3
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
NUMBER = st.floats().map(lambda number: math.nan if math.isnan(number) else number)  # JSON knows no sign of a NaN.
SINGLE = st.floats(width=32).map(lambda number: math.nan if math.isnan(number) else number)
GREATEST_SINGLE = (2 - 2**-23) * 2.0**127
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def integers(bits: int, signed: bool) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else st.integers(0, 2**bits - 1)


F = FieldDescriptor
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    F.TYPE_STRING: TEXT,
    F.TYPE_BYTES: st.binary(max_size=5),
    F.TYPE_BOOL: st.booleans(),
    F.TYPE_DOUBLE: NUMBER,
    # json_format does not read the greatest float as it writes it.
    F.TYPE_FLOAT: SINGLE.filter(lambda number: abs(number) != GREATEST_SINGLE),
    **dict.fromkeys((F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32), integers(32, signed=True)),
    **dict.fromkeys((F.TYPE_UINT32, F.TYPE_FIXED32), integers(32, signed=False)),
    **dict.fromkeys((F.TYPE_INT64, F.TYPE_SINT64, F.TYPE_SFIXED64), integers(64, signed=True)),
    **dict.fromkeys((F.TYPE_UINT64, F.TYPE_FIXED64), integers(64, signed=False)),
}
NANOS = st.one_of(st.just(0), st.sampled_from([1, 1_000, 120_000_000, 999_999_999]), st.integers(0, 999_999_999))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), FINITE, TEXT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


class Content:
    """Fills messages with drawn values."""

    def __init__(self, draw: Any, part: type[Message]) -> None:
        self.draw = draw
        self.part = part

    def message(self, descriptor: Descriptor, depth: int = 0) -> Message:
        message = message_class(descriptor)()
        special = self.special(descriptor)
        if special is not None:
            special(message)
            return message
        # A wrapper's only field is always drawn; few of the many of the sample are, to reach many combinations fast.
        names = [field.name for field in descriptor.fields]
        chosen = self.draw(st.sets(st.sampled_from(names), max_size=8)) if len(names) > 1 else names
        for name in sorted(chosen):
            field = descriptor.fields_by_name[name]
            if field.message_type is None or is_map(field) or depth < MAX_DEPTH:
                self.fill(message, field, depth + 1)
        return message

    def special(self, descriptor: Descriptor) -> Callable[[Any], None] | None:
        return {
            "google.protobuf.Any": self.any,
            "google.protobuf.Duration": self.duration,
            "google.protobuf.FieldMask": self.field_mask,
            "google.protobuf.ListValue": self.list_value,
            "google.protobuf.Struct": self.struct,
            "google.protobuf.Timestamp": self.timestamp,
            "google.protobuf.Value": self.json_value,
        }.get(descriptor.full_name)

    def fill(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        target = getattr(message, field.name)
        if is_map(field):
            key_field, value_field = map_fields(field)
            for key in self.draw(st.sets(SCALARS[key_field.type], max_size=3)):
                if value_field.message_type is not None:
                    target[key].CopyFrom(self.message(value_field.message_type, depth))
                else:
                    target[key] = self.scalar(value_field)
        elif field.is_repeated:
            for _ in range(self.draw(st.integers(0, 3))):
                target.append(self.value(field, depth))
        elif field.message_type is not None:
            target.CopyFrom(self.value(field, depth))
            target.SetInParent()
        else:
            setattr(message, field.name, self.scalar(field))

    def value(self, field: FieldDescriptor, depth: int) -> Any:
        return self.message(field.message_type, depth) if field.message_type is not None else self.scalar(field)

    def scalar(self, field: FieldDescriptor) -> Any:
        if field.enum_type is not None:
            return self.draw(st.sampled_from(sorted(field.enum_type.values_by_number)))
        return self.draw(SCALARS[field.type])

    def timestamp(self, message: Any) -> None:
        message.seconds = self.draw(st.integers(-62_135_596_800, 253_402_300_799))
        message.nanos = self.draw(NANOS)

    def duration(self, message: Any) -> None:
        sign = self.draw(st.sampled_from([-1, 1]))
        message.seconds = sign * self.draw(st.integers(0, 315_576_000_000 - 1))
        message.nanos = sign * self.draw(NANOS)

    def field_mask(self, message: Any) -> None:
        message.paths.extend(self.draw(st.lists(st.sampled_from(["name", "display_name", "a.b_c"]), max_size=3)))

    def struct(self, message: Any) -> None:
        for key, item in self.draw(st.dictionaries(TEXT, JSON, max_size=3)).items():
            json_format.ParseDict(item, message.fields[key])

    def list_value(self, message: Any) -> None:
        json_format.ParseDict(self.draw(st.lists(JSON, max_size=3)), message)

    def json_value(self, message: Any) -> None:
        json_format.ParseDict(self.draw(JSON), message)

    def any(self, message: Any) -> None:
        content = self.draw(st.sampled_from([self.part(label="x", part_count=3), None]))
        if content is not None:
            message.Pack(content, deterministic=True)


def oracle(message: Message) -> Any:
    """What json_format says, with our names of enum values."""
    encoded = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    return without_prefixes(descriptor_of(type(message)), encoded)


def without_prefixes(descriptor: Descriptor, encoded: Any) -> Any:
    if descriptor.full_name.startswith("google.protobuf."):
        return encoded
    for field in descriptor.fields:
        if field.json_name not in encoded:
            continue
        content = encoded[field.json_name]
        value_field = map_fields(field)[1] if is_map(field) else field
        if is_map(field):
            content = {key: short(value_field, item) for key, item in content.items()}
        elif field.is_repeated:
            content = [short(value_field, item) for item in content]
        else:
            content = short(value_field, content)
        encoded[field.json_name] = content
    return encoded


def short(field: FieldDescriptor, encoded: Any) -> Any:
    if field.enum_type is not None and isinstance(encoded, str):
        return encoded.removeprefix(enum_prefix(field.enum_type))
    if field.message_type is not None:
        return without_prefixes(field.message_type, encoded)
    return encoded


class TestAnyMessage:
    @given(data=st.data())
    @settings(max_examples=300, deadline=None)
    def test_is_encoded_as_json_format_encodes_it(self, pb: SimpleNamespace, data: st.DataObject) -> None:
        message = Content(data.draw, pb.Part).message(pb.Sample.DESCRIPTOR)

        encoded = encoder(pb.Sample)(message)

        assert encoded == oracle(message)

    @given(data=st.data())
    @settings(max_examples=300, deadline=None)
    def test_comes_back_from_its_json_as_it_was(self, pb: SimpleNamespace, data: st.DataObject) -> None:
        message = Content(data.draw, pb.Part).message(pb.Sample.DESCRIPTOR)

        decoded = decoder(pb.Sample)(orjson.loads(orjson.dumps(encoder(pb.Sample)(message))))

        assert decoded.violations == []
        assert_same(decoded.message, message)

    @given(data=st.data())
    @settings(max_examples=200, deadline=None)
    def test_is_decoded_as_json_format_decodes_it(self, pb: SimpleNamespace, data: st.DataObject) -> None:
        message = Content(data.draw, pb.Part).message(pb.Sample.DESCRIPTOR)
        body = orjson.loads(json_format.MessageToJson(message))

        decoded = decoder(pb.Sample)(body)

        assert decoded.violations == []
        assert_same(decoded.message, json_format.ParseDict(body, pb.Sample()))


def assert_same(one: Message, other: Message) -> None:
    """Compare bytes, since NaN differs from itself."""
    assert one.SerializeToString(deterministic=True) == other.SerializeToString(deterministic=True)


class TestAFloat:
    @given(value=SINGLE)
    @settings(max_examples=1000)
    def test_is_written_as_the_shortest_number_that_reads_back_as_itself(
        self, pb: SimpleNamespace, value: float
    ) -> None:
        message = pb.Sample(float_value=value)

        written = encoder(pb.Sample)(message)["floatValue"]

        assert written == json_format.MessageToDict(message, always_print_fields_with_no_presence=True)["floatValue"]
        if math.isfinite(value):
            assert struct.pack("<f", written) == struct.pack("<f", value)


class TestBytes:
    @given(value=st.binary(max_size=20))
    def test_are_read_in_both_alphabets_with_and_without_padding(self, pb: SimpleNamespace, value: bytes) -> None:
        standard, url_safe = base64.b64encode(value).decode(), base64.urlsafe_b64encode(value).decode()

        for text in (standard, url_safe, standard.rstrip("="), url_safe.rstrip("=")):
            assert decoder(pb.Sample)({"bytesValue": text}).message.bytes_value == value
