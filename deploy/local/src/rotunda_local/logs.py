"""The logs of all processes in one stream."""

import time
from collections.abc import Iterator
from pathlib import Path

POLL = 0.3
LONGEST_TAIL = 4 * 1024 * 1024


def tail(log_file: Path, lines: int) -> tuple[list[str], int]:
    """The last lines of a log, and the position after them in bytes."""
    if not log_file.exists():
        return [], 0
    with log_file.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - LONGEST_TAIL))
        content = file.read()
        position = file.tell()
    return content.decode(errors="replace").splitlines()[-lines:] if lines else [], position


def follow(log_files: dict[str, Path], positions: dict[str, int]) -> Iterator[tuple[str, str]]:
    """New lines of logs, for ever, each with the name of its log.

    Args:
        log_files: by name; they need not be there yet, and may be rotated.
        positions: where to begin in each, in bytes; moves on.
    """
    while True:
        for name, log_file in log_files.items():
            if not log_file.exists():
                continue
            with log_file.open("rb") as file:
                if file.seek(0, 2) < positions.get(name, 0):
                    # Rotated: the rest of the old one is left to those who open it.
                    positions[name] = 0
                file.seek(positions.get(name, 0))
                content = file.read()
            # A line that is not finished yet waits for its end.
            finished = content[: content.rfind(b"\n") + 1]
            positions[name] = positions.get(name, 0) + len(finished)
            for line in finished.decode(errors="replace").splitlines():
                yield name, line
        time.sleep(POLL)
