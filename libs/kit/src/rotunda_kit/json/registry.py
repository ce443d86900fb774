"""The message types that a `google.protobuf.Any` may hold here: every one that the process has loaded."""

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor

from rotunda_kit.descriptors import is_wrapper

_NOT_BY_FIELDS = frozenset(
    f"google.protobuf.{name}" for name in ("Any", "Duration", "FieldMask", "ListValue", "Struct", "Timestamp", "Value")
)


def descriptor_of_any(type_url: str) -> Descriptor | None:
    """The type that a type URL such as `type.googleapis.com/google.type.Money` names; None if nobody here knows it."""
    try:
        return descriptor_pool.Default().FindMessageTypeByName(type_url.rpartition("/")[2])
    except KeyError:
        return None


def stands_as_value(message: Descriptor) -> bool:
    """Whether a message in an Any stands under the key `value`, since its JSON is not an object of its fields."""
    return message.full_name in _NOT_BY_FIELDS or is_wrapper(message)
