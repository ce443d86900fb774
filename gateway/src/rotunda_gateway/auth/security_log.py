"""What happened to accounts and credentials: in the log, and in the audit trail of access."""

from contextvars import ContextVar
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_kit.audit.entries import NOTE, Cause, Entry, parameters
from rotunda_kit.identity import Principal
from rotunda_kit.model import now

log = structlog.get_logger("rotunda.security")

NOBODY = "anonymous"

# Who asks; nobody before he has signed in.
asking: ContextVar[Principal | None] = ContextVar("asking", default=None)


async def note(transaction: AsyncSession, event: str, *, user_id: UUID | None = None, **particulars: object) -> None:
    """Note a security event, together with what it tells of.

    Args:
        transaction: in which it happens.
        event: noun and past verb, for example `session.begun`.
        user_id: whom it is about; None where nobody knows.
        **particulars: ids, counts and names of things; never a secret, nor what tells something about a person.
    """
    told = {name: value if isinstance(value, bool | int) else str(value) for name, value in particulars.items()}
    log.info(event, user_id=None if user_id is None else str(user_id), **told)
    changes = [{"field": name, "after": value} for name, value in told.items()]
    principal = asking.get()
    cause = Cause.of(principal, "") if principal else Cause(NOBODY if user_id is None else str(user_id))
    connection = await transaction.connection()
    entry = Entry("access.user", user_id, None, event, changes, b"")
    await connection.exec_driver_sql(NOTE, parameters([entry], cause, now()))
