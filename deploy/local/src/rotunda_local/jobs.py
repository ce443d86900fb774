"""Programs that run to their end."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from rotunda_kit.embedded.server import log_tail
from rotunda_local.errors import PlatformError
from rotunda_local.programs import PROJECT


def run(
    command: Sequence[str], environment: Mapping[str, str], log_file: Path, timeout: float, answer: str = ""
) -> None:
    """Runs a program to its end, with its output in a log and `answer` as its standard input.

    Raises:
        PlatformError: it failed, or took longer than `timeout` seconds.
    """
    shown = " ".join(command[1:4])
    with log_file.open("wb") as log:
        try:
            done = subprocess.run(  # noqa: S603 -- the commands are the suite's.
                command,
                cwd=PROJECT,
                env={**os.environ, **environment},
                input=f"{answer}\n".encode(),
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise PlatformError(f"`{shown}` did not end within {timeout:g} s ({log_file}).") from error
    if done.returncode:
        raise PlatformError(f"`{shown}` failed ({log_file}):\n{log_tail(log_file)}")
