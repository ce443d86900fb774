"""What the loader found in the data set and how it dealt with it: nothing is dropped or guessed silently."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of oddity: the file it is in, what it is, and what the loader does about it."""

    file: str
    what: str
    how: str


class Findings:
    """Counts each finding; keeps the order in which they were met first."""

    def __init__(self) -> None:
        self._counts: Counter[Finding] = Counter()

    def add(self, finding: Finding, times: int = 1) -> None:
        """Note that it was met, so many times."""
        if times:
            self._counts[finding] += times

    def __getitem__(self, finding: Finding) -> int:
        return self._counts[finding]

    def __iter__(self) -> Iterator[tuple[Finding, int]]:
        return iter(self._counts.items())
