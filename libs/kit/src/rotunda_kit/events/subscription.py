"""Batches of messages from a durable consumer."""

from collections.abc import AsyncGenerator

import structlog
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext

log = structlog.get_logger()

# Seconds to wait for the first message of a batch.
FETCH_TIMEOUT = 5.0
# The Python client's subscription can fall silent after a broker restart; it is rebuilt if messages wait this many
# fetches.
SILENT_FETCHES = 2


# Tokens of a reply subject with neither domain nor account, and where the number of deliveries stands with and without
# (NATS ADR-15).
_SHORT, _WITHOUT, _WITH = 9, 4, 6


def deliveries(message: Msg) -> int:
    """How often a message was delivered. `Msg.metadata` says it, too, and takes ten times as long."""
    tokens = message.reply.split(".")
    return int(tokens[_WITHOUT if len(tokens) == _SHORT else _WITH])


def sequence(message: Msg) -> int:
    """The number of a message in its stream; see `deliveries`."""
    tokens = message.reply.split(".")
    return int(tokens[(_WITHOUT if len(tokens) == _SHORT else _WITH) + 1])


async def batches(jetstream: JetStreamContext, stream: str, durable: str, size: int) -> AsyncGenerator[list[Msg], None]:
    """What a durable consumer has to deliver, batch after batch; ends when its subscription has fallen silent.

    Args:
        jetstream: on the broker.
        stream: that the consumer is on.
        durable: its name; it is there already.
        size: of a batch, at most.

    Raises:
        NotFoundError: the consumer is not there any more.
    """
    subscription = await jetstream.pull_subscribe_bind(durable=durable, stream=stream)
    silent = 0
    try:
        while True:
            try:
                messages = await subscription.fetch(size, timeout=FETCH_TIMEOUT)
            except NatsTimeout:
                waiting = (await subscription.consumer_info()).num_pending or 0
                silent = silent + 1 if waiting else 0
                if silent >= SILENT_FETCHES:
                    log.warning("subscription fell silent", consumer=durable, waiting=waiting)
                    return
                continue
            silent = 0
            yield messages
    finally:
        await subscription.unsubscribe()
