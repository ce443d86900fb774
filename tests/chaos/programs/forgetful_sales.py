"""The counting sales service, which does not ask its inbox what it has taken in before."""

import runpy
from pathlib import Path
from typing import Any

from rotunda_kit.events.consumer import Consumer
from rotunda_kit.events.envelope import Event

_first_time = Consumer._first_time


async def _always_first(self: Consumer, session: Any, events: list[Event]) -> list[Event]:
    await _first_time(self, session, events)
    return events


if __name__ == "__main__":
    Consumer._first_time = _always_first  # type: ignore[method-assign]
    runpy.run_path(str(Path(__file__).with_name("counting_sales.py")), run_name="__main__")
