"""The counting sales service, which puts every ninth event off that comes to it for the first time.

So it takes events in another order than they happened in, as it does where one of them fails for a while.
"""

import runpy
from itertools import count
from pathlib import Path

from nats.aio.msg import Msg

from rotunda_kit.events.consumer import Consumer

# Seconds.
DELAY = 1.0
_take = Consumer._take
_first_deliveries = count(1)


async def _put_off_or_take(self: Consumer, messages: list[Msg]) -> None:
    late = [m for m in messages if m.metadata.num_delivered == 1 and next(_first_deliveries) % 9 == 0]
    for message in late:
        await message.nak(delay=DELAY)
    punctual = [message for message in messages if message not in late]
    if punctual:
        await _take(self, punctual)


if __name__ == "__main__":
    Consumer._take = _put_off_or_take  # type: ignore[method-assign]
    runpy.run_path(str(Path(__file__).with_name("counting_sales.py")), run_name="__main__")
