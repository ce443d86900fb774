"""What a method knows of the call that it serves."""

from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from sqlalchemy import Executable, Row
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_kit.access.control import AccessControl
from rotunda_kit.access.permissions import Permission
from rotunda_kit.client import Clients
from rotunda_kit.db.engine import Database
from rotunda_kit.db.unit_of_work import UnitOfWork
from rotunda_kit.errors import FieldViolation, InvalidArgument
from rotunda_kit.identity import Principal, TokenVerifier
from rotunda_kit.resource.references import references_in


class Call:
    """One call of one method, reading or writing.

    Args:
        principal: who calls.
        token: his internal token, to be handed on.
        control: decides who may do what.
        permission: what the method needs; None if whoever is signed in may call it.
        database: of this service.
        clients: to the other services.
        tokens: to verify the tokens of others in whose name this call asks too.
    """

    def __init__(
        self,
        principal: Principal,
        token: str,
        control: AccessControl,
        permission: Permission | None,
        database: Database,
        clients: Clients,
        tokens: TokenVerifier,
    ) -> None:
        self.principal = principal
        self.token = token
        self.control = control
        self.access = control.of(principal)
        self.permission = permission
        self.database = database
        self.clients = clients
        self.tokens = tokens

    async def rows(self, statement: Executable, parameters: dict[str, Any] | None = None) -> Sequence[Row[Any]]:
        """The rows of one reading statement, outside of any transaction."""
        async with self.database.reading() as connection:
            return (await connection.execute(statement, parameters)).all()

    async def ask(self, method: MethodDescriptor, request: Message) -> Any:
        """Call another service in the caller's name."""
        return await self.clients.call(method, request, token=self.token)


class Command(Call):
    """A call that writes: it has the transaction that the kit commits when the method has answered."""

    work: UnitOfWork
    # Records that the request names and that are nowhere: `(noun, id)`.
    unknown: frozenset[tuple[str, str]] = frozenset()
    # Puts into the answer what is not kept, and so not replayed, such as a secret that is shown once.
    show_once: Callable[[Any], None] | None = None

    def completed(self, message: Message, answer: bytes) -> bytes:
        """The answer with what is shown once."""
        if self.show_once is None:
            return answer
        self.show_once(message)
        return message.SerializeToString()

    def refuse_unknown(self, request: Message) -> None:
        """Refuse a request that refers to records which do not exist.

        Raises:
            InvalidArgument: naming every field that does.
        """
        violations = [
            FieldViolation(path, f"there is no {noun.split('.')[1].replace('_', ' ')} with this id")
            for path, noun, record_id in references_in(request)
            if (noun, record_id) in self.unknown
        ]
        if violations:
            raise InvalidArgument(violations)

    @property
    def session(self) -> AsyncSession:
        """The transaction's session."""
        return self.work.session
