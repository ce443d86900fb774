"""Where a reader stands in the events of every service: what `Last-Event-ID` says."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from rotunda_kit.errors import InvalidArgument

_TEXT = re.compile(r"[0-9a-f]{1,12}\.[0-9a-f]{1,14}(-[0-9a-f]{1,12}\.[0-9a-f]{1,14})*")


class Position(NamedTuple):
    """A place in the stream that the broker has of one service's events.

    `epoch` is when that stream was made, in milliseconds since 1970, for one that is made anew counts anew; 0 where
    there was none. `seq` is the last event's number.
    """

    epoch: int = 0
    seq: int = 0


def text_of(positions: Iterable[Position]) -> str:
    """The positions in all services, as a client gives them back."""
    return "-".join(f"{position.epoch:x}.{position.seq:x}" for position in positions)


def positions_of(text: str) -> list[Position]:
    """What a client gives back.

    Raises:
        InvalidArgument: it was never given to one.
    """
    if not _TEXT.fullmatch(text):
        raise InvalidArgument.of("lastEventId", "is no id of an event of this stream")
    parts = (part.split(".") for part in text.split("-"))
    return [Position(int(epoch, 16), int(seq, 16)) for epoch, seq in parts]
