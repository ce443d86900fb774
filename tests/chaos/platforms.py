"""Platforms of the services that matter here, some of them run by other programs."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rotunda_local.platform import Platform
from rotunda_local.ports import free_ports
from rotunda_local.programs import Suite, rotunda

PROGRAMS = Path(__file__).parent / "programs"


def program(name: str) -> list[str]:
    """One of the programs of this folder, to run in place of a service."""
    return [str(PROGRAMS / name)]


@contextmanager
def running(directory: Path, **programs: Sequence[str]) -> Iterator[Platform]:
    """A platform of customers, sales and the gateway.

    Args:
        directory: for its data.
        **programs: what Python runs in place of a service.
    """
    suite = rotunda()
    chosen = tuple(
        replace(service, command=(sys.executable, *programs[service.name], "serve", "--with-worker"))
        if service.name in programs
        else service
        for service in suite.programs
        if service.name in ("customers", "sales", "gateway")
    )
    platform = Platform(
        directory,
        free_ports(),
        suite=Suite(chosen, create_administrator=suite.create_administrator),
        example_data=False,
        # Else it would prove nothing.
        fsync=True,
        attached=True,
    )
    try:
        platform.up()
        yield platform
    finally:
        platform.down()
