"""How a record takes in the values of its custom fields."""

from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from sqlalchemy import inspect

from rotunda_kit.custom_fields.catalogue import catalogue_for
from rotunda_kit.custom_fields.values import Definition
from rotunda_kit.errors import FieldViolation, InvalidArgument
from rotunda_kit.server.call import Command
from rotunda_kit.violations import Unfit, shown, suggestion

# Of all values of a record, as JSON: it travels whole in each of its events, of which a broker takes so much at most.
MOST_BYTES = 65_536


async def take_custom_fields(call: Command, record: Any, given: Any) -> bool:
    """Merge values that a request names into those that a record has; null takes one away.

    Where the request clears the field as a whole, all go.

    Raises:
        InvalidArgument: naming each that is no field, does not fit, or is required and missing.
    """
    catalogue = catalogue_for(type(record))
    assert catalogue is not None  # noqa: S101 - asked for customizable records only
    values = MessageToDict(given.custom_fields) if given.HasField("custom_fields") else None
    if values is not None:
        # Its caller may have made them a moment ago, in another process.
        await catalogue.refresh(call.session)
    kept, wrong = _taken(record, values, catalogue.of(record.__noun__))
    if wrong and values is None:
        # What is required may just have ceased to be.
        await catalogue.refresh(call.session)
        kept, wrong = _taken(record, values, catalogue.of(record.__noun__))
    if wrong:
        raise InvalidArgument(wrong)
    if kept == (record.custom_fields or {}):
        return False
    record.custom_fields = kept or None
    return True


def _taken(
    record: Any, values: dict[str, Any] | None, known: dict[str, Definition]
) -> tuple[dict[str, Any], list[FieldViolation]]:
    """What a record keeps of values, None for all cleared, and what is wrong with them."""
    before: dict[str, Any] = record.custom_fields or {}
    path = f"{record.__noun__.split('.')[1]}.custom_fields"
    is_new = inspect(record).transient
    if values is None:
        values = {name: None for name, each in known.items() if each.key in before}
    kept, wrong = _merged(before, values, known, path)
    named = {violation.field for violation in wrong}
    asked = known if is_new else {name: known[name] for name in values if name in known}
    missing = [f"{path}.{name}" for name, each in asked.items() if each.required and each.key not in kept]
    wrong += [FieldViolation(field, "must be set") for field in missing if field not in named]
    size = len(orjson.dumps(kept))
    if size > MOST_BYTES:
        wrong.append(FieldViolation(path, f"would hold more than {MOST_BYTES} bytes together (has {size})"))
    return kept, wrong


def _merged(
    before: dict[str, Any], values: dict[str, Any], known: dict[str, Definition], path: str
) -> tuple[dict[str, Any], list[FieldViolation]]:
    """What is kept after a merge, and what of the values is wrong."""
    kept, wrong = dict(before), []
    for name, value in values.items():
        definition = known.get(name)
        if definition is None:
            wrong.append(FieldViolation(f"{path}.{shown(name)}", f"is no custom field{suggestion(name, known)}"))
            continue
        try:
            fitted = definition.fit(value, before.get(definition.key))
        except Unfit as unfit:
            wrong.append(FieldViolation(f"{path}.{name}", str(unfit)))
            continue
        kept.pop(definition.key, None)
        if fitted is not None:
            kept[definition.key] = fitted
    return kept, wrong
