"""Platforms of the services that matter here, some of them run by other programs."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rotunda_kit.embedded.ports import free_ports as find_free_ports
from rotunda_local.platform import Platform
from rotunda_local.ports import free_ports
from rotunda_local.programs import Suite, rotunda

PROGRAMS = Path(__file__).parent / "programs"


def program(name: str) -> list[str]:
    """One of the programs of this folder, to run in place of a service."""
    return [str(PROGRAMS / name)]


@contextmanager
def twins(directory: Path, stop_delay: float) -> Iterator[Platform]:
    """A platform with two processes of every service and of the gateway, the second ones named `<name>-b`.

    Args:
        directory: for its data.
        stop_delay: seconds that a process still takes calls after it was told to stop.
    """
    suite = rotunda()
    ports = free_ports()
    seconds = []
    for program in suite.programs:
        second = replace(
            program,
            name=f"{program.name}-b",
            grpc_port=f"{program.grpc_port}-b",
            http_port=program.http_port and f"{program.http_port}-b",
            metrics_port="",
            migrate=(),
            migrations=None,
        )
        seconds.append(second)
    missing = sorted(set().union(*(program.ports for program in seconds)))
    ports |= dict(zip(missing, find_free_ports(len(missing)), strict=True))
    addresses = {
        f"ROTUNDA_{program.grpc_port.replace('-', '_').upper()}_ADDRESS": "ipv4:"
        + ",".join(f"127.0.0.1:{ports[name]}" for name in (program.grpc_port, f"{program.grpc_port}-b"))
        for program in suite.programs
    }
    platform = Platform(
        directory,
        ports,
        suite=Suite((*suite.programs, *seconds), create_administrator=suite.create_administrator),
        example_data=False,
        attached=True,
        settings={**addresses, "ROTUNDA_STOP_DELAY": str(stop_delay)},
    )
    try:
        platform.up()
        yield platform
    finally:
        platform.down()


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
