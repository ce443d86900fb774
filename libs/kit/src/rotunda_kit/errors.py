"""The one hierarchy of errors that the product's own code raises.

Nothing here knows of gRPC or HTTP: `rotunda_kit.server` turns an error into a `google.rpc.Status`, and the gateway
turns that into an RFC 9457 problem. Names of codes are those of `google.rpc.Code`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

# The sentence for people names so many wrong fields; the violations name all.
MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One wrong field of an input.

    `field` is its path from the message that was sent, in snake_case with list positions in brackets, for example
    `account.phones[1].number`.
    """

    field: str
    description: str

    def under(self, prefix: str) -> "FieldViolation":
        """The same violation, seen from a message that holds this one as field `prefix`."""
        if not prefix:
            return self
        separator = "" if self.field.startswith("[") or not self.field else "."
        return FieldViolation(f"{prefix}{separator}{self.field}", self.description)


class RotundaError(Exception):
    """An error that a caller may see.

    `reason` is UPPER_SNAKE and part of the API; `detail` is a sentence for people and never holds personal data that
    the caller did not send; `metadata` gives machines the particulars.
    """

    code: ClassVar[str] = "UNKNOWN"
    http_status: ClassVar[int] = 500

    def __init__(self, reason: str, detail: str, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.metadata = dict(metadata or {})
        self.violations: list[FieldViolation] = []

    def at(self, *violations: FieldViolation) -> Self:
        """This error, naming the fields that it is about."""
        self.violations.extend(violations)
        return self


class InvalidArgument(RotundaError):
    """The input is wrong, whatever the state of the system. Names every wrong field at once."""

    code = "INVALID_ARGUMENT"
    http_status = 400

    def __init__(
        self,
        violations: Iterable[FieldViolation],
        reason: str = "INVALID_FIELDS",
        detail: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        named = list(violations)
        super().__init__(reason, detail or _wrong_input(named), metadata)
        self.violations = named

    @classmethod
    def of(cls, field: str, description: str, reason: str = "INVALID_FIELDS") -> "InvalidArgument":
        """The error for a single wrong field."""
        return cls([FieldViolation(field, description)], reason)


def _wrong_input(violations: Iterable[FieldViolation]) -> str:
    fields = list(dict.fromkeys(violation.field for violation in violations if violation.field))
    if not fields:
        return "Wrong input."
    more = f" and {len(fields) - MOST_NAMED} more" if len(fields) > MOST_NAMED else ""
    return f"Wrong input: {', '.join(fields[:MOST_NAMED])}{more}."


class Unauthenticated(RotundaError):
    """Nobody knows who calls."""

    code = "UNAUTHENTICATED"
    http_status = 401


class PermissionDenied(RotundaError):
    """The caller may see it, but not do this."""

    code = "PERMISSION_DENIED"
    http_status = 403


class NotFound(RotundaError):
    """There is none, or the caller may not see it."""

    code = "NOT_FOUND"
    http_status = 404


class Conflict(RotundaError):
    """Someone else was first; asking again may succeed."""

    code = "ABORTED"
    http_status = 409


class AlreadyExists(RotundaError):
    """There is one already."""

    code = "ALREADY_EXISTS"
    http_status = 409


class FailedPrecondition(RotundaError):
    """The record is in a state that does not allow this."""

    code = "FAILED_PRECONDITION"
    http_status = 409


class EtagMismatch(FailedPrecondition):
    """The record changed since the caller read it."""

    http_status = 412

    def __init__(self, etag: str) -> None:
        super().__init__("ETAG_MISMATCH", "The record changed since you read it.", {"etag": etag})


class IdempotencyKeyReused(InvalidArgument):
    """The same idempotency key came with another request."""

    http_status = 422

    def __init__(self) -> None:
        super().__init__([], "IDEMPOTENCY_KEY_REUSED", "This idempotency key was used with another request.")


class ResourceExhausted(RotundaError):
    """Too much, for now."""

    code = "RESOURCE_EXHAUSTED"
    http_status = 429


class Overloaded(ResourceExhausted):
    """More is under way than can be done in time. Not tried again by itself, which would make it worse."""

    http_status = 503

    def __init__(self) -> None:
        super().__init__("OVERLOADED", "Too much is under way. Try again later.")


class Unavailable(RotundaError):
    """Something that is needed does not answer; asking again later may succeed."""

    code = "UNAVAILABLE"
    http_status = 503


class Internal(RotundaError):
    """A bug of ours. Tells nothing but that."""

    code = "INTERNAL"
    http_status = 500

    def __init__(self) -> None:
        super().__init__("INTERNAL", "Something went wrong on our side.")


class DeadlineExceeded(RotundaError):
    """It took longer than the caller would wait."""

    code = "DEADLINE_EXCEEDED"
    http_status = 504
