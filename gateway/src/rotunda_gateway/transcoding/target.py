"""A field of a request message that a path variable, a query parameter or a header fills in."""

from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from rotunda_gateway.transcoding.routes import field_at
from rotunda_kit.errors import FieldViolation
from rotunda_kit.json import scalar_from_text
from rotunda_kit.violations import Unfit


class Target:
    """The place of one field, at a dotted path from the request message."""

    def __init__(self, request: Descriptor, path: str) -> None:
        self.path = path
        self.field = field_at(request, path)
        self._outer = path.split(".")[:-1]
        self._name = self.field.name
        self._is_message = self.field.message_type is not None and not self.field.is_repeated

    def read(self, text: str) -> Any:
        """The value that a text stands for.

        Raises:
            Unfit: it stands for none.
        """
        value = scalar_from_text(self.field, text)
        if isinstance(value, FieldViolation):
            raise Unfit(value.description)
        return value

    def given(self, request: Message) -> Any:
        """The field's value where there is one already, else None."""
        holder: Any = request
        for name in self._outer:
            holder = getattr(holder, name)
        if self.field.has_presence:
            return getattr(holder, self._name) if holder.HasField(self._name) else None
        return getattr(holder, self._name) or None

    def put(self, request: Message, value: Any) -> None:
        """Set the field; in a repeated one, add to it."""
        holder: Any = request
        for name in self._outer:
            holder = getattr(holder, name)
        if self.field.is_repeated:
            getattr(holder, self._name).append(value)
        elif not self._is_message:
            setattr(holder, self._name, value)
        elif isinstance(value, Message):
            getattr(holder, self._name).CopyFrom(value)
        else:
            getattr(holder, self._name).value = value
            getattr(holder, self._name).SetInParent()
