"""How many requests one caller may send: token buckets by credential and class of route.

Each gateway process counts for itself, so that no request waits for another machine.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from rotunda_gateway.http.errors import TooManyRequests
from rotunda_kit.telemetry.metrics import SHED

READ, WRITE, BATCH = "read", "write", "batch"

# Callers of whom something is kept; who has not called for longest is forgotten first.
MOST = 100_000


def class_of(method: str, path: str) -> str:
    """The class of a route."""
    if method in ("GET", "HEAD", "OPTIONS"):
        return READ
    return BATCH if ":batch" in path else WRITE


@dataclass(slots=True)
class Verdict:
    """What is known of one request's bucket. Until its caller is known, only the class."""

    route_class: str
    limit: int = 0
    remaining: int = 0
    # Seconds until the bucket is full again.
    reset: int = 0

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """What tells a caller how he stands; nothing where he is not limited."""
        if not self.limit:
            return ()
        return (
            (b"ratelimit-limit", str(self.limit).encode()),
            (b"ratelimit-remaining", str(self.remaining).encode()),
            (b"ratelimit-reset", str(self.reset).encode()),
        )


verdict: ContextVar[Verdict | None] = ContextVar("verdict", default=None)
"""Of the request that is handled."""


@dataclass
class RateLimits:
    """Buckets of all callers.

    Args:
        rates: requests a second by class of route; 0 or absent: as many as one likes.
        burst: so many seconds' requests may come at once.
    """

    rates: dict[str, float]
    burst: float
    # When each bucket will be full again (monotonic clock): the generic cell rate algorithm, which is a token bucket
    # in one number.
    _full: OrderedDict[tuple[str, str], float] = field(default_factory=OrderedDict)

    def admit(self, caller: str) -> None:
        """Take a token for the request that is handled.

        Args:
            caller: id of his credential.

        Raises:
            TooManyRequests: the bucket is empty.
        """
        asked = verdict.get()
        rate = self.rates.get(asked.route_class, 0.0) if asked else 0.0
        if asked is None or not rate:
            return
        at = time.monotonic()
        size = max(1, math.floor(rate * self.burst))
        key = (caller, asked.route_class)
        full = max(self._full.pop(key, at), at) + 1 / rate
        asked.limit = size
        missing = (full - at) * rate
        if missing > size + 1e-9:
            # The token is not taken.
            self._keep(key, full - 1 / rate)
            asked.reset = math.ceil(full - 1 / rate - at)
            SHED.add(1, {"reason": "rate_limit"})
            raise TooManyRequests(max(1, math.ceil((missing - size) / rate)))
        self._keep(key, full)
        asked.remaining, asked.reset = math.floor(size - missing + 1e-9), math.ceil(full - at)

    def _keep(self, key: tuple[str, str], full: float) -> None:
        self._full[key] = full
        if len(self._full) > MOST:
            self._full.popitem(last=False)
