"""Which methods the walk has visited, and what it has checked of each."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

# Of a method and a check.
PASSED, FAILED, NOT_MEANT = "✓", "✗", "·"


class Ledger:
    """Takes notes while the tests run, and shows them as a table at the end."""

    def __init__(self) -> None:
        self.visited: set[str] = set()
        self.checks: dict[str, dict[str, bool]] = defaultdict(dict)
        self.groups: dict[str, set[str]] = defaultdict(set)
        self.measured: list[str] = []

    def visit(self, method: str) -> None:
        """Note that a method was called over REST."""
        self.visited.add(method)

    def note(self, method: str, group: str, check: str, *, passed: bool) -> None:
        """Note how a check of a method went; `group` is the class that it is in."""
        self.groups[method].add(group)
        self.checks[method][check] = passed and self.checks[method].get(check, True)

    def measure(self, sentence: str) -> None:
        """Note something that was measured."""
        self.measured.append(sentence)

    def lines(self) -> Iterator[str]:
        """The table methods × checks, and what was measured."""
        if self.checks:
            columns = list(dict.fromkeys(check for checks in self.checks.values() for check in checks))
            yield from (f"{number:>3} {check}" for number, check in enumerate(columns, 1))
            yield ""
            width = max(map(len, self.checks)) + 2
            tens = "".join(f"{number // 10 or ' '} " for number in range(1, len(columns) + 1))
            yield f"{'':{width}}{tens}"
            yield f"{'':{width}}" + "".join(f"{number % 10} " for number in range(1, len(columns) + 1))
            yield from (f"{method:{width}}{self._row(method, columns)}" for method in sorted(self.checks))
            amount = sum(map(len, self.checks.values()))
            yield f"{len(self.checks)} methods, {len(self.visited)} of them called over REST, {amount} checks"
        yield from self.measured

    def _row(self, method: str, columns: Iterable[str]) -> str:
        marks = {None: NOT_MEANT, True: PASSED, False: FAILED}
        return "".join(f"{marks[self.checks[method].get(check)]} " for check in columns)
