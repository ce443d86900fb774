"""Fail points: places with names, at which a test lets a process die, stop, fail or wait.

Armed by the environment: `ROTUNDA_FAIL_POINTS="relay.after_publish=kill@3;consumer.after_commit=delay:0.5"`. An action
with `@n` is taken at the n-th passage alone, one without at every passage. Where nothing is armed a passage costs one
look at an empty dictionary.
"""

import asyncio
import os
import signal
from dataclasses import dataclass
from enum import StrEnum

VARIABLE = "ROTUNDA_FAIL_POINTS"


class FailPoint(StrEnum):
    """Every place that can be armed: between two steps of which a crash may let only the first happen."""

    COMMAND_BEFORE_COMMIT = "command.before_commit"
    # Committed: the change and its events are there, nobody was answered.
    OUTBOX_AFTER_COMMIT = "outbox.after_commit"
    RELAY_BEFORE_PUBLISH = "relay.before_publish"
    # In the stream and still unsent in the outbox.
    RELAY_AFTER_PUBLISH = "relay.after_publish"
    RELAY_AFTER_MARK = "relay.after_mark"
    CONSUMER_AFTER_FETCH = "consumer.after_fetch"
    CONSUMER_BEFORE_COMMIT = "consumer.before_commit"
    # Taken in, and the broker does not know.
    CONSUMER_AFTER_COMMIT = "consumer.after_commit"
    CONSUMER_AFTER_ACK = "consumer.after_ack"
    REPUBLISH_BEFORE_COMMIT = "republish.before_commit"
    REPUBLISH_AFTER_COMMIT = "republish.after_commit"


class FailPointError(Exception):
    """What the action `raise` raises."""


@dataclass(slots=True)
class _Armed:
    action: str
    # Seconds, of a delay.
    seconds: float
    # The only passage that counts; 0 for all.
    passage: int
    passed: int = 0


_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def read(text: str) -> dict[FailPoint, _Armed]:
    """What a value of the variable arms.

    Raises:
        ValueError: it names a point or an action that there is not.
    """
    armed = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        name, _, order = entry.partition("=")
        action, _, passage = order.partition("@")
        action, _, seconds = action.partition(":")
        if action not in (*_SIGNALS, "raise", "delay") or bool(seconds) != (action == "delay"):
            raise ValueError(f"{VARIABLE}: {entry!r} asks for none of kill, stop, raise and delay:<seconds>")
        armed[FailPoint(name)] = _Armed(action, float(seconds or 0), int(passage or 0))
    return armed


_armed = read(os.environ.get(VARIABLE, ""))


async def fail_point(point: FailPoint) -> None:
    """Do here what the environment asks for.

    Raises:
        FailPointError: it asks for an error.
    """
    if _armed and point in _armed:
        await _act(_armed[point])


async def _act(armed: _Armed) -> None:
    armed.passed += 1
    if armed.passage not in (0, armed.passed):
        return
    if armed.action in _SIGNALS:
        os.kill(os.getpid(), _SIGNALS[armed.action])
    elif armed.action == "delay":
        await asyncio.sleep(armed.seconds)
    else:
        raise FailPointError
