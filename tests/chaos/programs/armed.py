"""Runs a program again and again, each life with the next of its fail points armed; in the end with none.

`armed.py <plan> <program> …`: the plan has one value of `ROTUNDA_FAIL_POINTS` a line; until it is there, the program
lives its first life. Lives that ended are written down beside it, in `<plan>.ended`. supervisord would let each wait
longer.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from rotunda_kit.embedded.server import leash
from rotunda_kit.fail_points import VARIABLE

# Seconds.
POLL = 0.1


def main() -> None:
    name, *program = sys.argv[1:]
    command = [*leash("TERM"), sys.executable, *program]
    plan = Path(name)

    def live(armed: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(command, env={**os.environ, VARIABLE: armed})
        signal.signal(signal.SIGTERM, lambda number, _: child.send_signal(number))
        return child

    first = live("")
    while not plan.exists():
        if first.poll() is not None:
            sys.exit(first.returncode)
        time.sleep(POLL)
    first.kill()
    first.wait()
    with Path(f"{plan}.ended").open("a") as ended:
        for armed in [*plan.read_text().splitlines(), ""]:
            status = live(armed).wait()
            if status != -signal.SIGKILL:
                sys.exit(status)
            ended.write(f"{armed}\n")
            ended.flush()


if __name__ == "__main__":
    main()
