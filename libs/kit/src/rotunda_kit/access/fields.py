"""Fields that are kept back: hidden, masked, or not to be set."""

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from rotunda_kit.access.rights import Visibility
from rotunda_kit.errors import FieldViolation, PermissionDenied

_HIDDEN = "***"


class Shield:
    """Takes out of messages what a caller is not to see.

    Args:
        restrictions: of the resource whose messages these are, by field.
    """

    def __init__(self, restrictions: Mapping[str, Visibility]) -> None:
        self._restrictions = restrictions
        self._hidden = [name for name, how in restrictions.items() if how is Visibility.HIDDEN]
        self._masked = [name for name, how in restrictions.items() if how is Visibility.MASKED]

    @property
    def unseen(self) -> frozenset[str]:
        """Fields that lists can't be filtered or ordered by."""
        return frozenset([*self._hidden, *self._masked])

    def apply(self, message: Message) -> None:
        """Hide and mask, in the message itself."""
        fields = message.DESCRIPTOR.fields_by_name
        for name in self._hidden:
            if name in fields:
                message.ClearField(name)
        for name in self._masked:
            if name in fields:
                _mask_field(message, fields[name])

    def refuse(self, names: Iterable[str], prefix: str) -> None:
        """Refuse to set fields that are kept back.

        Raises:
            PermissionDenied: FIELD_RESTRICTED, naming them.
        """
        wrong = [name for name in names if name in self._restrictions]
        if wrong:
            raise PermissionDenied("FIELD_RESTRICTED", "Your roles do not let you set all of these fields.").at(
                *(FieldViolation(f"{prefix}.{name}", "may not be set by you") for name in wrong)
            )

    def may_set(self, name: str) -> bool:
        """Whether a field can be set."""
        return name not in self._restrictions


def mask(text: str) -> str:
    """What is shown of a text: enough to recognise it by who knows it."""
    if not text:
        return text
    local, at, domain = text.rpartition("@")
    if at and local:
        return f"{local[0]}{_HIDDEN}@{domain}"
    if text[0] == "+" and text[1:].isdigit():
        return f"{_HIDDEN}{text[-2:]}"
    return f"{text[0]}{_HIDDEN}"


def _mask_field(message: Any, field: Any) -> None:
    if field.message_type is not None and not field.message_type.full_name.startswith("google."):
        entries = getattr(message, field.name) if field.is_repeated else [getattr(message, field.name)]
        if field.is_repeated or message.HasField(field.name):
            for entry in entries:
                for inner in entry.DESCRIPTOR.fields:
                    _mask_field(entry, inner)
    elif field.type != FieldDescriptor.TYPE_STRING:
        message.ClearField(field.name)
    elif field.is_repeated:
        getattr(message, field.name)[:] = [mask(text) for text in getattr(message, field.name)]
    elif not field.has_presence or message.HasField(field.name):
        setattr(message, field.name, mask(getattr(message, field.name)))
