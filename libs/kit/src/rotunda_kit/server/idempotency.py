"""Replaying answers: the same request of the same caller does its work once (AIP-155).

The answer is kept in the transaction of the work (`UnitOfWork.keep`). A twin that is still under way is refused.
"""

import hashlib

from google.protobuf.message import Message
from sqlalchemy import LargeBinary, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from rotunda_kit.db.tables import idempotency
from rotunda_kit.errors import Conflict, IdempotencyKeyReused

# One round trip. Its snapshot may miss a twin that commits at this very moment; then keeping the answer violates the
# primary key, if not something earlier fails on what the twin did, and nothing is done twice: see `answer_of_twin`.
_CLAIM = text(
    """
    SELECT pg_try_advisory_xact_lock(hashtextextended(:lock, 0)) AS claimed, kept.digest, kept.response
    FROM (SELECT 1) AS one LEFT JOIN idempotency AS kept
      ON kept.caller = :caller AND kept.method = :method AND kept.request_id = :request_id
    """
).columns(digest=LargeBinary, response=LargeBinary)


def digest_of(request: Message) -> bytes:
    """SHA-256 of a request, whatever its request id."""
    bare = type(request)()
    bare.CopyFrom(request)
    bare.ClearField("request_id")
    return hashlib.sha256(bare.SerializeToString(deterministic=True)).digest()


async def kept_answer(session: AsyncSession, caller: str, method: str, request_id: str, digest: bytes) -> bytes | None:
    """The answer of an earlier call with this request id; None if this is the first, which now holds the claim.

    Raises:
        Conflict: REQUEST_IN_FLIGHT, a twin is under way.
        IdempotencyKeyReused: the earlier request was another one.
    """
    parameters = {
        "lock": f"{caller} {method} {request_id}",
        "caller": caller,
        "method": method,
        "request_id": request_id,
    }
    row = (await session.execute(_CLAIM, parameters)).one()
    claimed: bool = row.claimed
    known: bytes | None = row.digest
    response: bytes | None = row.response
    if known is not None:
        if known != digest:
            raise IdempotencyKeyReused
        return response
    if not claimed:
        raise Conflict("REQUEST_IN_FLIGHT", "The same request is under way. Try again in a moment.")
    return None


async def answer_of_twin(
    connection: AsyncConnection, caller: str, method: str, request_id: str, digest: bytes
) -> bytes | None:
    """The answer of the same request, which may have committed since this one's claim; None if there is none."""
    return await connection.scalar(
        select(idempotency.c.response).where(
            idempotency.c.caller == caller,
            idempotency.c.method == method,
            idempotency.c.request_id == request_id,
            idempotency.c.digest == digest,
        )
    )
