"""The ports of a platform: which, from where, and who sits on them."""

from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from rotunda_kit.embedded.ports import free_ports as find_free_ports
from rotunda_kit.embedded.ports import is_free
from rotunda_local.errors import PlatformError

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the platform, and the environment variable that sets it."""

    name: str
    default: int
    variable: str
    purpose: str


# Below the range from which Linux gives outgoing connections their ports (32768 on): else one of our own connections
# may have what a server that starts, or starts again, is to listen at.
_PROGRAMS = ("customers", "sales", "service-desk", "marketing", "sync", "gateway")
PORTS = (
    Port("gateway", 8080, "ROTUNDA_PORT", "the gateway (REST)"),
    Port("customers", 8051, "ROTUNDA_PORT_CUSTOMERS", "the service customers (gRPC)"),
    Port("sales", 8052, "ROTUNDA_PORT_SALES", "the service sales (gRPC)"),
    Port("service-desk", 8053, "ROTUNDA_PORT_SERVICE_DESK", "the service service-desk (gRPC)"),
    Port("marketing", 8054, "ROTUNDA_PORT_MARKETING", "the service marketing (gRPC)"),
    Port("sync", 8055, "ROTUNDA_PORT_SYNC", "the service sync (gRPC)"),
    Port("access", 8056, "ROTUNDA_PORT_ACCESS", "the gateway's service access (gRPC)"),
    Port("postgres", 15432, "ROTUNDA_PORT_POSTGRES", "PostgreSQL"),
    Port("nats", 4229, "ROTUNDA_PORT_NATS", "NATS"),
    Port("nats-monitoring", 8229, "ROTUNDA_PORT_NATS_MONITORING", "NATS's monitoring (HTTP)"),
    *(
        Port(
            f"{name}-metrics",
            9051 + place,
            f"ROTUNDA_PORT_{name.replace('-', '_').upper()}_METRICS",
            f"the metrics of {name} (HTTP)",
        )
        for place, name in enumerate(_PROGRAMS)
    ),
)


def free_ports() -> dict[str, int]:
    """Ports for a platform beside others: by name, all free now."""
    return dict(zip((port.name for port in PORTS), find_free_ports(len(PORTS)), strict=True))


def chosen_ports(environment: Mapping[str, str], remembered: Mapping[str, int]) -> dict[str, int]:
    """The ports by name: what the environment says, else what was remembered, else the defaults.

    Raises:
        PlatformError: a variable holds no port, or two ports are the same.
    """
    chosen: dict[str, int] = {}
    wrong = []
    for port in PORTS:
        text = environment.get(port.variable, "").strip()
        if not text:
            chosen[port.name] = remembered.get(port.name, port.default)
        elif text.isascii() and text.isdigit() and 0 < int(text) < 65536:
            chosen[port.name] = int(text)
        else:
            wrong.append(f"{port.variable} is “{text}”, which is no port: give a number from 1 to 65535.")
    users: dict[int, list[Port]] = {}
    for port in PORTS:
        if port.name in chosen:
            users.setdefault(chosen[port.name], []).append(port)
    for number, same in users.items():
        if len(same) > 1:
            names = " and ".join(port.purpose for port in same)
            wrong.append(f"Port {number} is given to {names}: change one of {', '.join(p.variable for p in same)}.")
    if wrong:
        raise PlatformError("\n".join(wrong))
    return chosen


def check_free(chosen: Mapping[str, int], names: set[str]) -> None:
    """Checks that nobody else listens on the ports of these names.

    Raises:
        PlatformError: naming every taken port, what wants it, who holds it and how to choose another.
    """
    taken = [port for port in PORTS if port.name in names and not is_free(chosen[port.name])]
    if not taken:
        return
    holders = _holders({chosen[port.name] for port in taken})
    sentences = []
    for port in taken:
        number = chosen[port.name]
        other = number + 1000 if number < 60_000 else number - 1000
        sentences.append(
            f"Port {number}, which {port.purpose} needs, is taken by {holders[number]}. "
            f"End that, or choose another port, for example {port.variable}={other}."
        )
    raise PlatformError("\n".join(sentences))


def _holders(numbers: set[int]) -> dict[int, str]:
    """Who holds each port, as far as the system tells."""
    holders = dict.fromkeys(numbers, "another program")
    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return holders
    for connection in connections:
        number = connection.laddr.port if connection.laddr else 0
        if number not in numbers or connection.pid is None:
            continue
        try:
            holders[number] = f"process {connection.pid} ({' '.join(psutil.Process(connection.pid).cmdline())[:100]})"
        except psutil.Error:
            holders[number] = f"process {connection.pid}"
    return holders
