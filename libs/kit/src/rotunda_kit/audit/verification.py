"""Whether a service's audit trail is as it was written."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from rotunda_kit.audit.chain import HASHED, START, Signer, link

_CHAINED = f"SELECT seq, previous_hash, hash, {HASHED} FROM audit_entry WHERE seq IS NOT NULL ORDER BY seq"  # noqa: S608 - of constants
_CHECKPOINTS = "SELECT seq, hash, signature FROM audit_checkpoint ORDER BY seq"
_TAIL = "SELECT count(*) AS entries, min(time) AS oldest FROM audit_entry WHERE seq IS NULL"
PREFETCH = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: `broken` says where and how the chain breaks first, empty if it does not.

    `tail` is the number of entries that are not chained yet, the oldest of them from `tail_since`.
    """

    chained: int
    checkpoints: int
    broken: str
    tail: int
    tail_since: datetime | None


async def verify(url: str, service: str, signer: Signer) -> Verdict:
    """Read the whole chain, in constant memory.

    Args:
        url: of the service's database.
        service: as in the proto package.
        signer: knows the public keys.
    """
    connection = await asyncpg.connect(url, timeout=10)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            walk = _Walk(service, signer, [dict(row) async for row in connection.cursor(_CHECKPOINTS)])
            broken = await walk.first_break(connection.cursor(_CHAINED, prefetch=PREFETCH).__aiter__())
            tail = await connection.fetchrow(_TAIL)
    finally:
        await connection.close()
    assert tail is not None  # noqa: S101 - an aggregate has a row
    return Verdict(walk.seq, len(walk.checkpoints), broken, tail["entries"], tail["oldest"])


class _Walk:
    def __init__(self, service: str, signer: Signer, checkpoints: list[dict[str, Any]]) -> None:
        self._service = service
        self._signer = signer
        self.checkpoints = checkpoints
        self.seq = 0
        self._hash = START

    async def first_break(self, rows: AsyncIterator[Any]) -> str:
        """Where the chain breaks first; empty if it does not."""
        at = 0
        async for row in rows:
            broken = self._entry(row)
            if broken:
                return broken
            if at < len(self.checkpoints) and self.checkpoints[at]["seq"] == self.seq:
                broken = self._checkpoint(self.checkpoints[at])
                if broken:
                    return broken
                at += 1
        if at < len(self.checkpoints):
            return f"entries after {self.seq} are missing: a checkpoint stands at {self.checkpoints[at]['seq']}"
        if self.seq and (not self.checkpoints or self.checkpoints[-1]["seq"] != self.seq):
            return f"no checkpoint stands at the last entry, {self.seq}"
        return ""

    def _entry(self, row: Any) -> str:
        if row["seq"] != self.seq + 1:
            return f"entry {self.seq + 1} is missing: {row['seq']} follows {self.seq}"
        if row["previous_hash"] != self._hash:
            return f"entry {row['seq']} does not follow the one before it"
        if link(self._hash, row) != row["hash"]:
            return f"entry {row['seq']} ({row['entry_id']}) was changed"
        self.seq, self._hash = row["seq"], row["hash"]
        return ""

    def _checkpoint(self, checkpoint: dict[str, Any]) -> str:
        if checkpoint["hash"] != self._hash:
            return f"the checkpoint at {self.seq} has another hash than the entry"
        if not self._signer.is_right(self._service, self.seq, self._hash, checkpoint["signature"]):
            return f"the signature of the checkpoint at {self.seq} is wrong"
        return ""
