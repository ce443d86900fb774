"""JSON Schemas (2020-12, as in OpenAPI 3.1) of messages and enums, as the kit's JSON writes them."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from rotunda.kit.v1 import annotations_pb2
from rotunda_gateway.openapi.comments import Comments
from rotunda_kit.descriptors import behaviours, enum_name, is_map, is_wrapper, map_fields, noun_name, rules
from rotunda_kit.resource.mapping import CUSTOM_FIELDS

Schema = dict[str, Any]

# At a schema of custom fields: the noun whose they are.
CUSTOM_FIELDS_OF = "x-custom-fields-of"
# What the names of schemas end in that a PATCH takes.
PATCH = "Patch"

_INT32: Schema = {"type": "integer", "format": "int32"}
_UINT32: Schema = {"type": "integer", "format": "uint32", "minimum": 0}
# 64 bits are more than a number holds in JavaScript.
_INT64: Schema = {"type": "string", "format": "int64"}
_UINT64: Schema = {"type": "string", "format": "uint64"}
_SCALARS: dict[int, Schema] = {
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_UINT32: _UINT32,
    FieldDescriptor.TYPE_FIXED32: _UINT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_SINT64: _INT64,
    FieldDescriptor.TYPE_SFIXED64: _INT64,
    FieldDescriptor.TYPE_UINT64: _UINT64,
    FieldDescriptor.TYPE_FIXED64: _UINT64,
}

_WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Any": {"type": "object", "properties": {"@type": {"type": "string"}}},
    "google.protobuf.Duration": {"type": "string", "examples": ["1.5s"]},
    "google.protobuf.FieldMask": {"type": "string", "examples": ["displayName,ownerId"]},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Value": {},
}

_FORMATS = {
    annotations_pb2.FORMAT_UUID: "uuid",
    annotations_pb2.FORMAT_EMAIL: "email",
    annotations_pb2.FORMAT_PHONE: "phone",
    annotations_pb2.FORMAT_URL: "uri",
    annotations_pb2.FORMAT_COUNTRY: "country-code",
    annotations_pb2.FORMAT_TIME_ZONE: "time-zone",
    annotations_pb2.FORMAT_LANGUAGE: "language-tag",
}


class Schemas:
    """The component schemas of one document, gathered while its operations are described.

    A message has one schema for both directions, with `readOnly` and `writeOnly` fields; lengths and bounds stand only
    where callers send it. A message that a PATCH takes has a second one, in which nothing is required and what `null`
    clears may be null.
    """

    def __init__(self, comments: Comments, requests: Iterable[Descriptor], taken: Collection[str] = ()) -> None:
        """Begin.

        Args:
            comments: of the protos.
            requests: the messages that callers send.
            taken: names that others have given to components already.
        """
        self.components: dict[str, Schema] = {}
        self._comments = comments
        self._sent = _reachable(requests)
        self._names: dict[str, str] = {}
        self._taken = set(taken)

    def reference(self, message: Descriptor) -> Schema:
        """A reference to the schema of a message."""
        return self._component(message, message.full_name, "", lambda: self._object(message, message.fields))

    def patch(self, message: Descriptor, left_out: Collection[str]) -> Schema:
        """A reference to the schema of a message in the body of a PATCH.

        Args:
            message: the resource.
            left_out: names of fields that come in the path.
        """
        fields = [
            field for field in message.fields if field.name not in left_out and "OUTPUT_ONLY" not in behaviours(field)
        ]
        return self._component(
            message, f"{message.full_name}:patch", PATCH, lambda: self._object(message, fields, patch=True)
        )

    def body(self, message: Descriptor, left_out: Collection[str]) -> Schema:
        """A reference to the schema of a request message whose fields come in the body, but for those in the path."""
        if not left_out:
            return self.reference(message)
        fields = [field for field in message.fields if field.name not in left_out]
        return self._component(message, f"{message.full_name}:body", "Body", lambda: self._object(message, fields))

    def of_field(self, field: FieldDescriptor) -> Schema:
        """The schema of a field's value, with its description and rules."""
        schema = self._list_or_value(field)
        description = self._comments.get(field.full_name)
        if description:
            schema["description"] = description
        declared = behaviours(field)
        if "OUTPUT_ONLY" in declared:
            schema["readOnly"] = True
        if "INPUT_ONLY" in declared:
            schema["writeOnly"] = True
        if "IMMUTABLE" in declared:
            schema["x-immutable"] = True
        if rules(field).refers_to:
            schema["x-refers-to"] = rules(field).refers_to
        if field.name == CUSTOM_FIELDS and field.containing_type is not None and not field.is_repeated:
            schema[CUSTOM_FIELDS_OF] = noun_name(field.containing_type)
        if field.GetOptions().deprecated:
            schema["deprecated"] = True
        return schema

    def _component(
        self, named: Descriptor | EnumDescriptor, key: str, suffix: str, build: Callable[[], Schema]
    ) -> Schema:
        if key not in self._names:
            name = self._free_name(named, suffix)
            self._names[key] = name
            self._taken.add(name)
            # Holds the place: a message may contain messages of its own type.
            self.components[name] = {}
            self.components[name] = build()
        return {"$ref": f"#/components/schemas/{self._names[key]}"}

    def _free_name(self, named: Descriptor | EnumDescriptor, suffix: str) -> str:
        """The short name, or where it is taken already the name with its package: `SalesStage`."""
        package = named.file.package
        short = named.full_name.removeprefix(f"{package}.").replace(".", "")
        if suffix:
            short = short.removesuffix("Request") + suffix
        if short not in self._taken:
            return short
        return "".join(word.capitalize() for part in package.split(".")[1:-1] for word in part.split("_")) + short

    def _object(self, message: Descriptor, fields: Collection[FieldDescriptor], patch: bool = False) -> Schema:
        schema: Schema = {"type": "object"}
        description = self._comments.get(message.full_name)
        if description:
            schema["description"] = description
        schema["properties"] = {
            field.json_name: _or_null(self.of_field(field)) if patch and not _required(field) else self.of_field(field)
            for field in fields
        }
        required = [field.json_name for field in fields if _required(field)]
        if required and not patch:
            schema["required"] = required
        return schema

    def _list_or_value(self, field: FieldDescriptor) -> Schema:
        if is_map(field):
            return {"type": "object", "additionalProperties": self._value(map_fields(field)[1])}
        if not field.is_repeated:
            return self._value(field)
        schema: Schema = {"type": "array", "items": self._value(field)}
        if self._is_sent(field):
            schema["maxItems"] = rules(field).max_items
        return schema

    def _value(self, field: FieldDescriptor) -> Schema:
        if field.message_type is not None:
            return self._message(field.message_type)
        if field.enum_type is not None:
            enum = field.enum_type
            return self._component(enum, enum.full_name, "", lambda: self._enum(enum))
        schema = dict(_SCALARS[field.type])
        declared = rules(field)
        if field.type == FieldDescriptor.TYPE_STRING and declared.format in _FORMATS:
            schema["format"] = _FORMATS[declared.format]
        if self._is_sent(field):
            if field.type == FieldDescriptor.TYPE_STRING and declared.format != annotations_pb2.FORMAT_UUID:
                schema["maxLength"] = declared.max_length
            bounds = {"minimum": declared.min, "maximum": declared.max}
            schema.update({name: _number(bound) for name, bound in bounds.items() if bound is not None})
        return schema

    def _message(self, message: Descriptor) -> Schema:
        if message.full_name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[message.full_name])
        if is_wrapper(message):
            return _or_null(dict(_SCALARS[message.fields_by_name["value"].type]))
        return self.reference(message)

    def _enum(self, enum: EnumDescriptor) -> Schema:
        lines = [self._comments.get(enum.full_name, "")]
        for value in enum.values:
            comment = self._comments.get(f"{enum.full_name}.{value.name}")
            if comment:
                lines.append(f"- `{enum_name(value)}`: {comment}")
        # UNSPECIFIED comes last: documentation shows the first one as the example.
        ordered = sorted(enum.values, key=lambda value: value.number == 0)
        schema: Schema = {"type": "string", "enum": [enum_name(value) for value in ordered]}
        description = "\n".join(lines).strip()
        if description:
            schema["description"] = description
        return schema

    def _is_sent(self, field: FieldDescriptor) -> bool:
        """Whether callers send the field, so that its lengths and bounds are checked."""
        owner = field.containing_type
        return owner is not None and owner.full_name in self._sent and "OUTPUT_ONLY" not in behaviours(field)


def _required(field: FieldDescriptor) -> bool:
    return "REQUIRED" in behaviours(field)


def _number(bound: float) -> float | int:
    return int(bound) if bound.is_integer() else bound


def _or_null(schema: Schema) -> Schema:
    """The same, or null; descriptions and the like stay where they stand."""
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    if "$ref" in schema:
        aside = {key: value for key, value in schema.items() if key != "$ref"}
        return {"anyOf": [{"$ref": schema["$ref"]}, {"type": "null"}], **aside}
    return schema


def _reachable(messages: Iterable[Descriptor]) -> set[str]:
    """The full names of these messages, and of all that they hold."""
    found: set[str] = set()
    waiting = list(messages)
    while waiting:
        message = waiting.pop()
        if message.full_name not in found:
            found.add(message.full_name)
            waiting += [field.message_type for field in message.fields if field.message_type]
    return found
