"""The counting sales service, which acknowledges what it fetched before it has taken it in."""

import runpy
from pathlib import Path

from nats.aio.msg import Msg

from rotunda_kit.events.consumer import Consumer

_take = Consumer._take
_acknowledge = Msg.ack


async def _acknowledge_and_take(self: Consumer, messages: list[Msg]) -> None:
    for message in messages:
        if not message._ackd:
            await _acknowledge(message)
    await _take(self, messages)


async def _nothing(_message: Msg) -> None:
    """It was acknowledged already."""


if __name__ == "__main__":
    program = runpy.run_path(str(Path(__file__).with_name("counting_sales.py")))
    Consumer._take = _acknowledge_and_take  # type: ignore[method-assign]
    Msg.ack = _nothing  # type: ignore[method-assign, assignment]
    program["main"]()
