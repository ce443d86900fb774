"""Methods and servicers: which code answers which method of the proto."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from rotunda_kit.descriptors import message_class
from rotunda_kit.server.call import Call, Command

Handler = Callable[[Any, Any, Any], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class Method:
    """The code behind one method of a proto.

    `writes` says whether it runs in a transaction.
    """

    writes: bool
    handle: Handler


def command(handle: Callable[[Any, Any, Command], Awaitable[Message]]) -> Method:
    """A method that writes: one transaction, committed with its events when it has answered."""
    return Method(True, handle)


def query(handle: Callable[[Any, Any, Call], Awaitable[Message]]) -> Method:
    """A method that only reads."""
    return Method(False, handle)


def response_class(request: Message) -> Any:
    """The class of a request's answer: `GetAccountResponse` of `GetAccountRequest`, by buf's STANDARD rules."""
    name = request.DESCRIPTOR.name.removesuffix("Request") + "Response"
    descriptor: Any = request.DESCRIPTOR.file.message_types_by_name[name]
    return message_class(descriptor)


class Servicer:
    """Answers the methods of one service of a proto.

    Declare as `class AccountService(Servicer, service="rotunda.customers.v1.AccountService")`, with an attribute for
    each of its methods.

    Raises:
        TypeError: at import, where a method is missing or one too many is there.
    """

    descriptor: ClassVar[ServiceDescriptor]

    def __init_subclass__(cls, *, service: str) -> None:
        super().__init_subclass__()
        cls.descriptor = descriptor_pool.Default().FindServiceByName(service)
        wanted = set(cls.descriptor.methods_by_name)
        written = {name for name in dir(cls) if isinstance(getattr(cls, name), Method)}
        if wanted != written:
            raise TypeError(f"{service}: missing {sorted(wanted - written)}, unknown {sorted(written - wanted)}")

    def methods(self) -> list[tuple[MethodDescriptor, Method]]:
        """The methods of the proto, each with its code."""
        return [(method, getattr(self, method.name)) for method in self.descriptor.methods]
