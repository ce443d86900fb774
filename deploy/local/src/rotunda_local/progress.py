"""What goes on, for people: a spinner on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class Progress:
    """Reports steps to a console; to none, it is silent."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Reports what is done within, and how long it took."""
        if self._console is None:
            yield
            return
        started = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(f"{doing} …"):
                yield
        else:
            self._console.print(f"{doing} …", soft_wrap=True)
            yield
        self._console.print(f"[green]✓[/] {doing} [dim]({time.monotonic() - started:.1f} s)[/]", soft_wrap=True)
