"""What a list can be filtered and ordered by."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement

from rotunda_kit.descriptors import json_path, snake_path


class FieldKind(StrEnum):
    """What the values of a field are."""

    TEXT = "text"
    UUID = "id"
    ENUM = "name"
    INTEGER = "whole number"
    DECIMAL = "number"
    BOOL = "true or false"
    TIME = "time"
    DATE = "date"
    MONEY = "amount"
    TEXT_LIST = "list of texts"
    UUID_LIST = "list of ids"
    JSON_LIST = "list of objects"


LISTS = frozenset({FieldKind.TEXT_LIST, FieldKind.UUID_LIST, FieldKind.JSON_LIST})


@dataclass(frozen=True, slots=True)
class ListField:
    """One field of a noun, as filters and orders name it.

    Args:
        path: in snake_case, from the resource on, for example `amount.currency_code`.
        kind: of its values.
        column: where they are. Of MONEY the amount; its currency is a field of its own.
        nullable: whether it may be unset.
        enum_values: of an ENUM, or of an enum in a list: names of the API and the texts that the database keeps.
        orderable: whether a list can be ordered by it.
        json_key: of a JSON_LIST, the key of the objects that this field is.
    """

    path: str
    kind: FieldKind
    column: ColumnElement[Any]
    nullable: bool = False
    enum_values: Mapping[str, str] | None = None
    orderable: bool = True
    json_key: str = ""


def suggestion(path: str, known: Mapping[str, object]) -> str:
    """A hint at what an unknown path may have meant: `; did you mean lastName?`, or nothing."""
    close = difflib.get_close_matches(snake_path(path), known, n=1)
    return f"; did you mean {json_path(close[0])}?" if close else ""
