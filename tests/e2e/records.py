"""Records of every noun, made through the API from what the descriptors say of their fields."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from rotunda.kit.v1 import annotations_pb2
from rotunda_kit.descriptors import behaviours, enum_name, message_type_of, rules

from .nouns import FIRST, LEFT_OUT, MADE, NEW, VERB_INPUT, new_uuid
from .reflection import Catalogue, Kind, Method, input_fields, required_fields
from .rest import Rest

Fields = dict[str, Any]

START = datetime(2024, 1, 1, 8, tzinfo=UTC)

_NOT_CHANGED = {"IMMUTABLE", "INPUT_ONLY"}
# Stands in whatever tells something about a person, so that it is found wherever it should not be.
CANARY = "canarysson"
CANARY_PHONE = "+4930987"

_WRITTEN = {
    annotations_pb2.FORMAT_EMAIL: CANARY + "{}@example.com",
    annotations_pb2.FORMAT_PHONE: CANARY_PHONE + "{:06}",
    annotations_pb2.FORMAT_URL: "https://example.com/{}",
    annotations_pb2.FORMAT_COUNTRY: "DE",
    annotations_pb2.FORMAT_TIME_ZONE: "Europe/Berlin",
    annotations_pb2.FORMAT_LANGUAGE: "de-AT",
}


class Records:
    """Makes bodies and records.

    Args:
        rest: calls the methods.
        catalogue: of the methods of the whole platform.
    """

    def __init__(self, rest: Rest, catalogue: Catalogue) -> None:
        self._rest = rest
        self._catalogue = catalogue
        self._numbers = itertools.count(1)
        self._shared: dict[str, Fields] = {}
        self._crowded: set[str] = set()

    def shared(self, noun: str) -> Fields:
        """A record that others refer to and that nobody changes."""
        if noun not in self._shared:
            self._shared[noun] = self.create(noun)
        return self._shared[noun]

    def create(self, noun: str, **fields: Any) -> Fields:
        """A new record with the fields that it must have, and these."""
        if noun in MADE:
            return MADE[noun](self)
        created: Fields = self._rest.ok(
            self._catalogue.of(noun, Kind.CREATE), self.parent(noun), self.body(noun) | fields
        )
        return created

    def get(self, noun: str, record_id: str) -> Fields:
        """A record as it is now."""
        got: Fields = self._rest.ok(self._catalogue.of(noun, Kind.GET), self.parent(noun) | {"id": record_id})
        return got

    def call(self, name: str, body: Fields) -> Fields:
        """The answer of a method of all records, by its short name."""
        answer: Fields = self._rest.ok(self._catalogue.called(name), {}, body)
        return answer

    def crowd(self, noun: str, size: int) -> None:
        """See to it that there are at least so many records of a noun."""
        if noun in self._crowded:
            return
        self._crowded.add(noun)
        if not self._catalogue.has(noun, Kind.BATCH_CREATE):
            for _ in range(size):
                self.create(noun)
            return
        method = self._catalogue.of(noun, Kind.BATCH_CREATE)
        requests = [self.item(noun) for _ in range(size)]
        results = self._rest.ok(method, self.parent(noun), {"requests": requests})["results"]
        assert {result["outcome"] for result in results} == {"CREATED"}, results[0]

    def parent(self, noun: str) -> dict[str, str]:
        """The variables of a noun's paths that say under which record it lives."""
        if noun in MADE:
            return {}
        method = self._catalogue.of(noun, Kind.CREATE)
        service = method.noun.partition(".")[0]
        return {
            variable: self.shared(f"{service}.{variable.removesuffix('_id')}")["id"] for variable in method.variables
        }

    def body(self, noun: str, *, full: bool = False) -> Fields:
        """The body of a create: the fields that it must have, or all that it may have."""
        method = self._catalogue.of(noun, Kind.CREATE)
        return self._message(method.resource, noun, full=full) | self._extras(noun)

    def item(self, noun: str, **fields: Any) -> Fields:
        """One item of a batch create."""
        return {self.resource_name(noun): self.body(noun) | fields}

    def _extras(self, noun: str) -> Fields:
        return NEW[noun](self, next(self._numbers)) if noun in NEW else {}

    def _message(self, message: Descriptor, noun: str = "", *, full: bool) -> Fields:
        left_out = LEFT_OUT.get(noun, frozenset())
        fields = input_fields(message, *left_out) if full else required_fields(message)
        # What stands in the path needs no place in the body.
        skipped = set(self._catalogue.of(noun, Kind.CREATE).variables) if noun else set()
        return {field.json_name: self.value(field, full=full) for field in fields if field.name not in skipped}

    def value(self, field: FieldDescriptor, *, full: bool = False, unlike: Any = None) -> Any:
        """A value for a field, never twice the same where the field has many."""
        if field.is_repeated:
            return [self._single(field, full=full, unlike=None)]
        return self._single(field, full=full, unlike=unlike)

    def _single(self, field: FieldDescriptor, *, full: bool, unlike: Any) -> Any:
        number = next(self._numbers)
        limits = rules(field)
        if limits.refers_to:
            return self.create(limits.refers_to)["id"] if unlike else self.shared(limits.refers_to)["id"]
        if field.enum_type is not None:
            names = [enum_name(value) for value in field.enum_type.values if value.number]
            return next(name for name in names if name != unlike)
        if field.message_type is not None:
            return self._message_value(message_type_of(field), number, full=full)
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return not unlike
        if field.cpp_type != FieldDescriptor.CPPTYPE_STRING:
            return int(limits.min or 0) + 1 + number % 50
        if limits.format == annotations_pb2.FORMAT_UUID:
            return new_uuid()
        text = f"{field.json_name} {CANARY if limits.personal or limits.sensitive else 'number'} {{}}"
        return _WRITTEN.get(limits.format, text).format(number)

    def _message_value(self, message: Descriptor, number: int, *, full: bool) -> Any:
        match message.full_name:
            # Later ones for later fields, so that what starts does so before it ends.
            case "google.protobuf.Timestamp":
                return (START + timedelta(minutes=number)).isoformat().replace("+00:00", "Z")
            case "google.type.Date":
                day = START + timedelta(days=number % 700)
                return {"year": day.year, "month": day.month, "day": day.day}
            case "google.type.Money":
                return {"currencyCode": "EUR", "units": str(number), "nanos": 500_000_000}
        if message.full_name == "rotunda.kit.v1.RecordReference":
            return {"type": "customers.account", "id": self.shared("customers.account")["id"]}
        return self._message(message, full=full)

    def changeable(self, noun: str) -> list[FieldDescriptor]:
        """The fields that an update may change by themselves, the plainest first."""
        method = self._catalogue.of(noun, Kind.CREATE)
        fields = input_fields(method.resource, *LEFT_OUT.get(noun, ()), *method.variables)
        return sorted((field for field in fields if not behaviours(field) & _NOT_CHANGED), key=_plainness)

    def changes(self, noun: str, record: Fields) -> list[tuple[str, Any]]:
        """Two fields of a record, each with another value than it has."""
        fields = self.changeable(noun)[:2]
        return [(f.json_name, self.value(f, unlike=record.get(f.json_name))) for f in fields]

    def optional(self, noun: str) -> list[FieldDescriptor]:
        """The fields that a record may be without."""
        resource = self._catalogue.of(noun, Kind.CREATE).resource
        fields = input_fields(resource, *LEFT_OUT.get(noun, ()))
        return [field for field in fields if field.has_presence and not behaviours(field) & {"REQUIRED", "IMMUTABLE"}]

    def resource_name(self, noun: str) -> str:
        """The field that holds the record in the items of a batch."""
        return str(self._catalogue.of(noun, Kind.CREATE).resource_field.json_name)

    def for_verb(self, method: Method) -> Fields:
        """A new record in the state that a verb asks for."""
        record = self.create(method.noun)
        for name in FIRST.get(method.descriptor.name, ()):
            before = self._catalogue.called(name)
            record = self._rest.ok(before, {"id": record["id"]}, self.verb_body(before, record))
        return record

    def verb_body(self, method: Method, record: Fields) -> Fields:
        """The input of a verb beside what stands in its path."""
        name = method.descriptor.name
        if name in VERB_INPUT:
            return VERB_INPUT[name](self, record)
        return {field.json_name: self.value(field) for field in required_fields(method.request, *method.variables)}

    def verb_of(self, batch: Method) -> Method:
        """The verb that a batch verb does to many."""
        item = message_type_of(batch.request.fields_by_name["requests"])
        return self._catalogue.called(item.name.removesuffix("Request"))


def _plainness(field: FieldDescriptor) -> int:
    if field.is_repeated or field.message_type is not None:
        return 3
    if rules(field).refers_to:
        return 2
    is_text = field.cpp_type == FieldDescriptor.CPPTYPE_STRING and rules(field).format == annotations_pb2.FORMAT_TEXT
    return 0 if is_text else 1
