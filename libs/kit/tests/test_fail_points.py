"""Fail points: what the environment arms happens, at the passage that it names."""

import os
import signal
import subprocess
import sys

import pytest

from rotunda_kit.fail_points import VARIABLE, FailPoint, read

PASS_THREE_TIMES = """
import asyncio
from rotunda_kit.fail_points import FailPoint, fail_point

async def main():
    for passage in (1, 2, 3):
        print(passage, flush=True)
        await fail_point(FailPoint.RELAY_AFTER_PUBLISH)

asyncio.run(main())
"""


def run(armed: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, VARIABLE: armed}
    return subprocess.run(  # noqa: PLW1510 - how it ended is what is tested
        [sys.executable, "-c", PASS_THREE_TIMES], env=environment, capture_output=True, text=True, timeout=60
    )


class TestActions:
    def test_a_point_kills_at_the_passage_that_was_named(self) -> None:
        ended = run("relay.after_publish=kill@2")
        assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "1\n2\n")

    def test_without_a_number_the_first_passage_counts(self) -> None:
        ended = run("relay.after_publish=raise")
        assert ended.stdout == "1\n"
        assert "FailPointError" in ended.stderr

    @pytest.mark.parametrize("armed", ["", "relay.after_mark=kill", "relay.after_publish=kill@4"])
    def test_what_is_not_armed_lets_everyone_pass(self, armed: str) -> None:
        ended = run(armed)
        assert (ended.returncode, ended.stdout) == (0, "1\n2\n3\n")


class TestReading:
    def test_several_points_are_armed_at_once(self) -> None:
        armed = read("relay.after_mark=stop@7; consumer.after_ack=delay:0.5;")
        assert set(armed) == {FailPoint.RELAY_AFTER_MARK, FailPoint.CONSUMER_AFTER_ACK}
        assert armed[FailPoint.RELAY_AFTER_MARK].passage == 7
        assert armed[FailPoint.CONSUMER_AFTER_ACK].seconds == 0.5

    @pytest.mark.parametrize(
        "text", ["relay.nowhere=kill", "relay.after_mark", "relay.after_mark=explode", "relay.after_mark=delay"]
    )
    def test_what_there_is_not_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"FailPoint|asks for none"):
            read(text)
