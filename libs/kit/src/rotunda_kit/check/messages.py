"""The checks of a message type, compiled from the options of its fields."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from threading import RLock
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from rotunda_kit.check.scalars import Fit, fit_of
from rotunda_kit.check.update import UpdateCheck, update_fields
from rotunda_kit.check.wellknown import Check, well_known
from rotunda_kit.descriptors import behaviours, enum_prefix, is_map, is_wrapper, map_fields, rules
from rotunda_kit.errors import FieldViolation
from rotunda_kit.violations import Unfit, Violations, member, shown

Step = Callable[[Message, Any, str, Violations], None]
"""Checks the value of one set field of a message that stands at a path."""

IsMissing = Callable[[Message], bool]

_NOTHING: frozenset[str] = frozenset()


def check_and_normalise(message: Message, skip: frozenset[str] = _NOTHING) -> list[FieldViolation]:
    """Everything that is wrong with a request, which is also brought into the form in which it is kept.

    Checked are `google.api.field_behavior` REQUIRED, `rotunda.kit.v1.rules` with their defaults, and what no field may
    hold whatever its rules: NUL characters, unknown enum numbers, NaN, impossible dates, times, amounts. OUTPUT_ONLY
    fields are not looked at. White space around strings of one line goes, and phone numbers, e-mail addresses, UUIDs
    and codes get their one spelling, in place.

    A request with an `update_mask` beside a resource is an update: of the resource only `id`, `etag` and the fields in
    the mask are checked (without a mask: those that are set), and the mask itself loses its camel case and its
    OUTPUT_ONLY paths.

    Args:
        message: The request; the paths of the violations begin at it.
        skip: Lists of messages whose items are left alone, since somebody checks each of them by itself; the length of
            the list is checked all the same.
    """
    # No other thread may see a check that does not have all of its fields yet.
    with _compiling:
        check = _message_check(cast("Descriptor", message.DESCRIPTOR), skip)
    violations = Violations()
    check(message, "", violations)
    return violations


class MessageCheck:
    """Checks messages of one type."""

    __slots__ = ("_required", "_steps", "_update")

    def __init__(self) -> None:
        self._steps: dict[FieldDescriptor, Step] = {}
        self._required: list[tuple[str, IsMissing]] = []
        self._update: UpdateCheck | None = None

    def compile(self, message: Descriptor, skip: frozenset[str]) -> None:
        """Take in the fields of the type."""
        update = update_fields(message)
        for field in message.fields:
            if "OUTPUT_ONLY" in behaviours(field):
                continue
            is_missing = _is_missing(field) if "REQUIRED" in behaviours(field) else None
            if is_missing is not None:
                self._required.append((field.name, is_missing))
            step = _step(field, descend=field.name not in skip) if update is None or field not in update else None
            if step is not None:
                self._steps[field] = step
        if update is not None:
            mask, resource = update
            self._update = UpdateCheck(mask, resource, _message_check(cast("Descriptor", resource.message_type)))

    def __call__(
        self, message: Message, path: str, violations: Violations, only: AbstractSet[str] | None = None
    ) -> None:
        """Check a message that stands at a path; of its fields only some, where `only` names them."""
        missing = [name for name, is_missing in self._required if is_missing(message)]
        for name in missing:
            if only is None or name in only:
                violations.add(member(path, name), "must be set")
        for field, value in message.ListFields():
            step = self._steps.get(field)
            if step is None or (only is not None and field.name not in only) or (missing and field.name in missing):
                continue
            step(message, value, path, violations)
        if self._update is not None:
            self._update(message, path, violations)


_compiling = RLock()
_compiled: dict[tuple[Descriptor, frozenset[str]], MessageCheck] = {}


def _message_check(message: Descriptor, skip: frozenset[str] = _NOTHING) -> MessageCheck:
    known = _compiled.get((message, skip))
    if known is not None:
        return known
    # Known before its fields are, since a message may hold messages of its own type.
    check = _compiled[message, skip] = MessageCheck()
    check.compile(message, skip)
    return check


def _is_missing(field: FieldDescriptor) -> IsMissing | None:
    """Whether a required field is missing; None where nothing tells its absence from a value."""
    name = field.name
    if not field.is_repeated and field.type == FieldDescriptor.TYPE_STRING:
        return lambda message: not getattr(message, name).strip()
    if field.is_repeated or field.type == FieldDescriptor.TYPE_BYTES:
        return lambda message: not getattr(message, name)
    if field.enum_type is not None and enum_prefix(field.enum_type):
        return lambda message: not getattr(message, name)
    if field.has_presence:
        return lambda message: not message.HasField(name)
    return None


def _step(field: FieldDescriptor, *, descend: bool) -> Step | None:
    if is_map(field):
        return _map_step(field)
    if field.message_type is None:
        fit = fit_of(field)
        if field.is_repeated:
            return _scalars_step(field, fit)
        return None if fit is None else _scalar_step(field.name, fit)
    check = _value_check(field, field) if descend else None
    if field.is_repeated:
        return _messages_step(field, check)
    return None if check is None else _single_message_step(field.name, check)


def _value_check(value: FieldDescriptor, declaring: FieldDescriptor) -> Check:
    """The check for the messages of a field, under the rules of the field that declares them (of a map, the map)."""
    message = cast("Descriptor", value.message_type)
    if is_wrapper(message):
        return _wrapper_check(message, declaring)
    return well_known(message.full_name, rules(declaring)) or _message_check(message)


def _wrapper_check(message: Descriptor, declaring: FieldDescriptor) -> Check:
    fit = fit_of(message.fields_by_name["value"], declaring)

    def check(wrapper: Any, path: str, violations: Violations) -> None:
        if fit is None:
            return
        try:
            wrapper.value = fit(wrapper.value)
        except Unfit as problem:
            violations.add(path, str(problem))

    return check


def _scalar_step(name: str, fit: Fit) -> Step:
    def step(message: Message, value: Any, path: str, violations: Violations) -> None:
        try:
            kept = fit(value)
        except Unfit as problem:
            violations.add(member(path, name), str(problem))
            return
        if kept is not value:
            setattr(message, name, kept)

    return step


def _single_message_step(name: str, check: Check) -> Step:
    def step(_: Message, value: Any, path: str, violations: Violations) -> None:
        check(value, member(path, name), violations)

    return step


def _is_bounded(field: FieldDescriptor) -> Callable[[Any, str, Violations], bool]:
    name, max_items = field.name, rules(field).max_items

    def is_bounded(values: Any, path: str, violations: Violations) -> bool:
        if len(values) <= max_items:
            return True
        violations.add(member(path, name), f"has more than {max_items} entries (has {len(values)})")
        return False

    return is_bounded


def _scalars_step(field: FieldDescriptor, fit: Fit | None) -> Step:
    name, is_bounded = field.name, _is_bounded(field)

    def step(_: Message, values: Any, path: str, violations: Violations) -> None:
        if not is_bounded(values, path, violations) or fit is None:
            return
        for position, value in enumerate(values):
            try:
                kept = fit(value)
            except Unfit as problem:
                violations.add(f"{member(path, name)}[{position}]", str(problem))
                continue
            if kept is not value:
                values[position] = kept

    return step


def _messages_step(field: FieldDescriptor, check: Check | None) -> Step:
    name, is_bounded = field.name, _is_bounded(field)

    def step(_: Message, values: Any, path: str, violations: Violations) -> None:
        if not is_bounded(values, path, violations) or check is None:
            return
        place = member(path, name)
        for position, value in enumerate(values):
            check(value, f"{place}[{position}]", violations)

    return step


def _map_step(field: FieldDescriptor) -> Step:
    name, is_bounded = field.name, _is_bounded(field)
    key_field, value_field = map_fields(field)
    fit_key = fit_of(key_field)
    fit = fit_of(value_field, field) if value_field.message_type is None else None
    check = None if value_field.message_type is None else _value_check(value_field, field)

    def step(_: Message, entries: Any, path: str, violations: Violations) -> None:
        if not is_bounded(entries, path, violations):
            return
        place = member(path, name)
        for key, value in list(entries.items()):
            entry = f"{place}[{shown(str(key))}]"
            try:
                if fit_key is not None:
                    fit_key(key)
                if check is not None:
                    check(value, entry, violations)
                elif fit is not None:
                    entries[key] = fit(value)
            except Unfit as problem:
                violations.add(entry, str(problem))

    return step
