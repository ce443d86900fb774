"""The chain behind the transactions: each entry's hash covers the one before it, and checkpoints are signed.

A chain that was locked inside of each request would cost most of the throughput; so one worker a service, held by an
advisory lock as the relay is, chains what was committed, within a second or two. Until then an entry could be changed
unnoticed by who can write to the database; `verify` says how many are in that state.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import structlog
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from rotunda_kit.audit.changes import canonical
from rotunda_kit.db.engine import CONNECT_TIMEOUT

log = structlog.get_logger()

LOCK_KEY = 0x6175646974  # "audit"
BATCH = 1_000
# Seconds between two looks at what is not chained yet.
PAUSE = 0.5
RETRY = 1.0
LONGEST_SILENCE = 30
START = bytes(32)

# What a hash covers, as PostgreSQL writes it: not the salt, which erasure takes away.
HASHED = (
    "entry_id::text, to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') AS time, noun, record_id::text,"
    " record_version, action, method, actor, on_behalf_of, session, request_id, trace_id, changes::text"
)
_HASHED_NAMES = (
    *("entry_id", "time", "noun", "record_id", "record_version", "action", "method", "actor", "on_behalf_of"),
    *("session", "request_id", "trace_id", "changes"),
)

_UNCHAINED = f"SELECT id, {HASHED} FROM audit_entry WHERE seq IS NULL ORDER BY id LIMIT $1"  # noqa: S608 - of constants
_LAST = "SELECT seq, hash FROM audit_entry WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1"
_CHAIN = """
UPDATE audit_entry AS entry SET seq = link.seq, previous_hash = link.previous_hash, hash = link.hash
FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[]) AS link (id, seq, previous_hash, hash)
WHERE entry.id = link.id
"""
_CHECKPOINT = "INSERT INTO audit_checkpoint (seq, hash, time, signature) VALUES ($1, $2, now(), $3)"


def link(previous_hash: bytes, entry: Mapping[str, Any]) -> bytes:
    """The hash of an entry behind another: SHA-256 of the other's hash and the entry's canonical bytes."""
    return hashlib.sha256(previous_hash + canonical([entry[name] for name in _HASHED_NAMES])).digest()


class Signer:
    """Signs and verifies checkpoints with a service's Ed25519 keys.

    Args:
        private: signs.
        public: verify, those of former private keys too.
    """

    def __init__(self, private: OKPKey | None, public: Sequence[OKPKey]) -> None:
        self._private = private
        self._public = {key.kid: key for key in public}

    @classmethod
    def from_file(cls, path: Path) -> "Signer":
        """From a JSON Web Key Set: the first key is private and signs; the others are those of former times."""
        keys = [OKPKey.import_key(key) for key in json.loads(path.read_text())["keys"]]
        return cls(keys[0], keys)

    def sign(self, service: str, seq: int, entry_hash: bytes) -> str:
        """A compact JWS (RFC 7515) that says up to where a service's chain is right."""
        if self._private is None:
            raise ValueError("there is no private key to sign with")
        header = {"alg": "Ed25519", "kid": self._private.kid}
        return jws.serialize_compact(
            header, _statement(service, seq, entry_hash), self._private, algorithms=["Ed25519"]
        )

    def is_right(self, service: str, seq: int, entry_hash: bytes, signature: str) -> bool:
        """Whether a signature is one of ours, over just this."""
        try:
            kid = jws.extract_compact(signature.encode()).headers().get("kid")
            signed = jws.deserialize_compact(signature, self._public[str(kid)], algorithms=["Ed25519"])
        except (JoseError, KeyError, ValueError, TypeError):
            return False
        return signed.payload == _statement(service, seq, entry_hash)


def _statement(service: str, seq: int, entry_hash: bytes) -> bytes:
    return canonical([service, seq, entry_hash.hex()])


class ChainWorker:
    """Chains one service's entries until it is stopped.

    Args:
        service: as in the proto package.
        database_url: of the service.
        signer: signs checkpoints.
    """

    def __init__(self, service: str, database_url: str, signer: Signer) -> None:
        self._service = service
        self._url = database_url
        self._signer = signer

    async def run(self) -> None:
        """Work until cancelled; comes back after the database was away."""
        while True:
            try:
                await self._lead()
            except Exception as error:  # whatever it was, the entries wait
                log.warning("audit chain interrupted", error=type(error).__name__)
            await asyncio.sleep(RETRY)

    async def _lead(self) -> None:
        connection = await asyncpg.connect(
            self._url,
            timeout=CONNECT_TIMEOUT,
            command_timeout=30,
            server_settings={
                "application_name": "rotunda-audit",
                # One that was stopped gives the lock to the next.
                "idle_session_timeout": f"{LONGEST_SILENCE}s",
            },
        )
        try:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
                return
            while True:
                if await self.chain(connection) < BATCH:
                    await asyncio.sleep(PAUSE)
        finally:
            connection.terminate()

    async def chain(self, connection: "asyncpg.Connection[asyncpg.Record]") -> int:
        """Chain one batch, and sign how far the chain goes then; returns how many."""
        rows = await connection.fetch(_UNCHAINED, BATCH)
        if not rows:
            return 0
        async with connection.transaction():
            last = await connection.fetchrow(_LAST)
            seq, previous = (last["seq"], last["hash"]) if last else (0, START)
            links: list[tuple[int, int, bytes, bytes]] = []
            for row in rows:
                seq += 1
                entry_hash = link(previous, row)
                links.append((row["id"], seq, previous, entry_hash))
                previous = entry_hash
            await connection.execute(_CHAIN, *(list(column) for column in zip(*links, strict=True)))
            await connection.execute(_CHECKPOINT, seq, previous, self._signer.sign(self._service, seq, previous))
        return len(rows)
