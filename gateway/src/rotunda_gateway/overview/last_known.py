"""What callers saw last, for the time when a service is away."""

from collections import OrderedDict

# Who sees it and with which rights, account, section.
Key = tuple[str, str, str]

MAX_BYTES = 16 * 1024 * 1024


class LastKnown:
    """The sections that were shown last, as many as fit into a bounded memory.

    What one caller saw is never shown to another, who may be allowed less.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[Key, tuple[str, bytes]] = OrderedDict()

    def keep(self, key: Key, as_of: str, content: bytes) -> None:
        """Remember a section, as JSON."""
        self._forget(key)
        self._kept[key] = (as_of, content)
        self._bytes += len(content)
        while self._bytes > self._max_bytes:
            self._forget(next(iter(self._kept)))

    def get(self, key: Key) -> tuple[str, bytes] | None:
        """When a section was shown last, and what it said, as JSON."""
        return self._kept.get(key)

    def _forget(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= len(kept[1])
