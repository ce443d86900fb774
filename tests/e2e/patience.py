"""Waiting for what happens by itself."""

import time
from collections.abc import Callable


def seconds_until(condition: Callable[[], bool], timeout: float) -> float:
    """How long it took until a condition came true.

    Args:
        condition: asked again and again.
        timeout: seconds.

    Raises:
        AssertionError: it did not.
    """
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout, f"not within {timeout} seconds"
        time.sleep(0.02)
    return time.monotonic() - began
