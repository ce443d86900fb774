"""Has the tests of an earlier release run on databases that a later checkout has migrated, as in a rolling upgrade.

A plugin of pytest (`-p later_schema`, in the earlier checkout), which knows of that one only `Service.migrate`.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotunda_kit.app import Service

LATER = Path(os.environ["ROTUNDA_LATER_CHECKOUT"])
TIMEOUT = 60

migrated: list[str] = []


async def _migrate(service: Service, url: str) -> None:
    """What the Job of the later release does."""
    package = "rotunda_gateway" if service.name == "access" else f"rotunda_{service.name}"
    process = await asyncio.create_subprocess_exec(
        *(str(LATER / ".venv" / "bin" / "python"), "-m", package, "migrate"),
        # The earlier packages are no business of the later interpreter's.
        env={"PATH": os.environ["PATH"], "ROTUNDA_DATABASE_URL": url},
        cwd=LATER,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(TIMEOUT):
        _, said = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{package} of {LATER} does not migrate: {said.decode()}")
    migrated.append(service.name)


@pytest.fixture(autouse=True, scope="session")
def _later_schema() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Service, "migrate", _migrate)
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was tried."""
    names = ", ".join(f"{name} {migrated.count(name)}" for name in sorted(set(migrated)))
    terminalreporter.write_line(f"Databases with the schema of {LATER}: {names or 'none'}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tests of which none had the later schema say nothing about it."""
    if not migrated and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
