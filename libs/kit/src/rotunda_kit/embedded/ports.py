"""Free ports of this machine."""

import secrets
import socket
from contextlib import ExitStack

# Below the range from which Linux gives outgoing connections their ports: none is taken while a server restarts.
FIRST, LAST = 20_000, 32_000
ATTEMPTS = 1_000


def free_ports(count: int) -> list[int]:
    """As many different ports of 127.0.0.1 that nobody listens on.

    Raises:
        OSError: there are not as many.
    """
    found: list[int] = []
    with ExitStack() as held:
        for _ in range(ATTEMPTS):
            if len(found) == count:
                return found
            port = FIRST + secrets.randbelow(LAST - FIRST)
            candidate = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    raise OSError(f"Found {len(found)} of {count} free ports between {FIRST} and {LAST}.")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
        # As servers do: connections that were closed a moment ago do not count.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
