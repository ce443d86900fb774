"""What happened to accounts and credentials, for those who look after security."""

from uuid import UUID

import structlog

log = structlog.get_logger("rotunda.security")


def note(event: str, *, user_id: UUID | str | None = None, **particulars: object) -> None:
    """Note a security event.

    Args:
        event: noun and past verb, for example `session.begun`.
        user_id: whom it is about; None where nobody knows.
        **particulars: ids, counts and names of things; never a secret, nor what tells something about a person.
    """
    log.info(
        event,
        user_id=None if user_id is None else str(user_id),
        **{name: value if isinstance(value, bool | int) else str(value) for name, value in particulars.items()},
    )
