"""google.protobuf.Struct, Value and ListValue from JSON: any JSON, within a depth."""

from typing import Any

from google.protobuf import struct_pb2

from rotunda_kit.json.scalars import not_a, text
from rotunda_kit.violations import Unfit, Violations, shown

MAX_STRUCT_DEPTH = 16
"""Objects and lists inside of each other; protobuf needs up to three levels of its own for each."""


def read_struct(message: struct_pb2.Struct, raw: Any, path: str, _: int, violations: Violations) -> None:
    """Fill in a Struct from an object; raises Unfit where it is none."""
    if type(raw) is not dict:
        raise not_a("an object", raw)
    _fill_struct(message, raw, path, 1, violations)


def read_list_value(message: struct_pb2.ListValue, raw: Any, path: str, _: int, violations: Violations) -> None:
    """Fill in a ListValue from a list; raises Unfit where it is none."""
    if type(raw) is not list:
        raise not_a("a list", raw)
    _fill_list(message, raw, path, 1, violations)


def read_value(message: struct_pb2.Value, raw: Any, path: str, _: int, violations: Violations) -> None:
    """Fill in a Value from any JSON."""
    _fill_value(message, raw, path, 0, violations)


def _fill_struct(
    message: struct_pb2.Struct, raw: dict[str, Any], path: str, depth: int, violations: Violations
) -> None:
    for key, item in raw.items():
        try:
            text(key)
        except Unfit as problem:
            violations.add(path, f"has a key that {problem}")
            continue
        _fill_value(message.fields[key], item, f"{path}[{shown(key)}]", depth, violations)


def _fill_list(message: struct_pb2.ListValue, raw: list[Any], path: str, depth: int, violations: Violations) -> None:
    for position, item in enumerate(raw):
        _fill_value(message.values.add(), item, f"{path}[{position}]", depth, violations)


def _fill_value(message: struct_pb2.Value, raw: Any, path: str, depth: int, violations: Violations) -> None:
    kind = type(raw)
    if kind is str:
        try:
            message.string_value = text(raw)
        except Unfit as problem:
            violations.add(path, str(problem))
    elif raw is None:
        message.null_value = struct_pb2.NULL_VALUE
    elif kind is bool:
        message.bool_value = raw
    elif kind is int or kind is float:
        message.number_value = raw
    elif depth == MAX_STRUCT_DEPTH:
        violations.add(path, f"is nested more than {MAX_STRUCT_DEPTH} levels deep")
    elif kind is dict:
        message.struct_value.SetInParent()
        _fill_struct(message.struct_value, raw, path, depth + 1, violations)
    else:
        message.list_value.SetInParent()
        _fill_list(message.list_value, raw, path, depth + 1, violations)
