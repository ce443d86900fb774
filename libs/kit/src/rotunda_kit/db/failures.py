"""What PostgreSQL refuses, in terms of the API."""

from sqlalchemy import Index, Table, UniqueConstraint
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from rotunda_kit.errors import AlreadyExists, Conflict, FailedPrecondition, FieldViolation, RotundaError, Unavailable

UNIQUE_VIOLATION = "23505"
FOREIGN_KEY_VIOLATION = "23503"
# Serialisation failure and dead-lock: the same transaction may succeed the next time.
RETRYABLE = {"40001", "40P01"}
LOCK_NOT_AVAILABLE = "55P03"
READ_ONLY_TRANSACTION = "25006"


def sqlstate(error: BaseException) -> str:
    """SQLSTATE of an error of the driver; empty if it has none."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return getattr(original, "sqlstate", None) or ""


def _constraint(error: DBAPIError) -> str:
    cause = getattr(error.orig, "__cause__", None)
    return getattr(cause, "constraint_name", None) or ""


def _index_of(constraint: str, tables: list[Table]) -> Index | UniqueConstraint | None:
    for table in tables:
        named: list[Index | UniqueConstraint] = list(table.indexes)
        named += [found for found in table.constraints if isinstance(found, UniqueConstraint)]
        for index in named:
            if index.name == constraint:
                return index
    return None


def _taken(index: Index | UniqueConstraint | None) -> AlreadyExists:
    """The error for a value that another record has; the index's `info` may say what its columns do not."""
    if index is None:
        return AlreadyExists("RECORD_TAKEN", "Another record has the same key.")
    info = index.info
    fields = [info["field"]] if "field" in info else [column.name for column in index.columns]
    reason = info.get("reason") or f"{'_'.join(fields).upper()}_TAKEN"
    violations = [FieldViolation(field, "is taken by another record") for field in fields]
    return AlreadyExists(reason, f"Another record has the same {' and '.join(fields)}.").at(*violations)


def translate(error: Exception, tables: list[Table]) -> RotundaError | None:
    """The error that a caller may see.

    Args:
        error: what the driver or the pool raised.
        tables: of the service, to name the fields of a violated constraint.

    Returns:
        None if it is a bug of ours.
    """
    state = sqlstate(error)
    if isinstance(error, DBAPIError) and state == UNIQUE_VIOLATION:
        constraint = _constraint(error)
        if constraint == "external_id_pkey":
            return AlreadyExists("EXTERNAL_ID_TAKEN", "Another record has this external id.").at(
                FieldViolation("external_ids", "another record has one of them")
            )
        return _taken(_index_of(constraint, tables))
    if state == FOREIGN_KEY_VIOLATION:
        return FailedPrecondition("STILL_REFERENCED", "Another record refers to it, or what it refers to has gone.")
    if state in RETRYABLE or state == LOCK_NOT_AVAILABLE:
        return Conflict("CONCURRENT_CHANGE", "Someone else is changing the same records. Try again.")
    if state == READ_ONLY_TRANSACTION:
        # A replica that is not promoted yet, or a database that its operator has closed.
        return Unavailable("DATABASE_READ_ONLY", "The database takes no changes at the moment. Try again later.")
    # Class 53 insufficient resources, 57P operator intervention (shutdown, cannot connect now), 08 connection.
    if state[:2] in {"08", "53"} or state[:3] == "57P":
        return Unavailable("DATABASE_UNAVAILABLE", "The database does not answer. Try again later.")
    connection_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if connection_lost or isinstance(error, PoolTimeout | InterfaceError | OperationalError | OSError):
        return Unavailable("DATABASE_UNAVAILABLE", "The database does not answer. Try again later.")
    return None
