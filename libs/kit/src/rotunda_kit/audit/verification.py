"""Whether a service's audit trail is as it was written."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from rotunda_kit.audit.chain import HASHED, START, Signer, link

_CHAINED = f"""
SELECT entry.*, checkpoint.hash AS signed_hash, checkpoint.signature
FROM (SELECT seq, previous_hash, hash, {HASHED} FROM audit_entry WHERE seq > $1) AS entry
LEFT JOIN audit_checkpoint AS checkpoint USING (seq)
ORDER BY entry.seq
"""  # noqa: S608 - of constants
_START = "SELECT seq, hash AS signed_hash, signature FROM audit_checkpoint WHERE seq < $1 ORDER BY seq DESC LIMIT 1"
_BEYOND = "SELECT min(seq) FROM audit_checkpoint WHERE seq > $1"
_TAIL = "SELECT count(*) AS entries, min(time) AS oldest FROM audit_entry WHERE seq IS NULL"
PREFETCH = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: `broken` says where and how the chain breaks first, empty if it does not.

    `chained` is the place of the last entry that is right and `hash` its hash: noted elsewhere, they show later whether
    the end of the chain was cut off together with its signatures. `tail` is the number of entries that are not chained
    yet, the oldest of them from `tail_since`.
    """

    chained: int
    hash: bytes
    checkpoints: int
    broken: str
    tail: int
    tail_since: datetime | None


async def verify(url: str, service: str, signer: Signer, from_seq: int = 1) -> Verdict:
    """Read the chain, in constant memory.

    Args:
        url: of the service's database.
        service: as in the proto package.
        signer: knows the public keys.
        from_seq: the first entry to be looked at; the walk begins behind the last checkpoint before it.
    """
    connection = await asyncpg.connect(url, timeout=10)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            walk = _Walk(service, signer)
            start = await connection.fetchrow(_START, from_seq)
            broken = walk.set_out(start) if start else ""
            if not broken:
                rows = connection.cursor(_CHAINED, walk.seq, prefetch=PREFETCH)
                broken = await walk.first_break(rows.__aiter__())
            beyond = await connection.fetchval(_BEYOND, walk.seq)
            if not broken and beyond is not None:
                broken = f"entries after {walk.seq} are missing: a checkpoint stands at {beyond}"
            elif not broken and not walk.signed:
                broken = f"no checkpoint stands at the last entry, {walk.seq}"
            tail = await connection.fetchrow(_TAIL)
    finally:
        await connection.close()
    assert tail is not None  # noqa: S101 - an aggregate has a row
    return Verdict(walk.seq, walk.hash, walk.checkpoints, broken, tail["entries"], tail["oldest"])


class _Walk:
    def __init__(self, service: str, signer: Signer) -> None:
        self._service = service
        self._signer = signer
        self.checkpoints = 0
        self.seq = 0
        self.hash = START
        # Whether a checkpoint stands at the last entry.
        self.signed = True

    def set_out(self, checkpoint: Any) -> str:
        """Trust what a checkpoint signs, and go on behind it; returns what is wrong with it."""
        self.seq, self.hash = checkpoint["seq"], checkpoint["signed_hash"]
        return self._checkpoint(checkpoint)

    async def first_break(self, rows: AsyncIterator[Any]) -> str:
        """Where the chain breaks first; empty if it does not."""
        async for row in rows:
            self.signed = row["signature"] is not None
            broken = self._entry(row) or (self._checkpoint(row) if self.signed else "")
            if broken:
                return broken
        return ""

    def _entry(self, row: Any) -> str:
        if row["seq"] != self.seq + 1:
            return f"entry {self.seq + 1} is missing: {row['seq']} follows {self.seq}"
        if row["previous_hash"] != self.hash:
            return f"entry {row['seq']} does not follow the one before it"
        if link(self.hash, row) != row["hash"]:
            return f"entry {row['seq']} ({row['entry_id']}) was changed"
        self.seq, self.hash = row["seq"], row["hash"]
        return ""

    def _checkpoint(self, checkpoint: Any) -> str:
        if checkpoint["signed_hash"] != self.hash:
            return f"the checkpoint at {self.seq} has another hash than the entry"
        if not self._signer.is_right(self._service, self.seq, self.hash, checkpoint["signature"]):
            return f"the signature of the checkpoint at {self.seq} is wrong"
        self.checkpoints += 1
        return ""
