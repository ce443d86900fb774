"""The ports of a platform."""

from rotunda_kit.embedded.ports import LAST
from rotunda_local.ports import PORTS


def test_no_outgoing_connection_can_have_the_port_of_a_server() -> None:
    assert [port.name for port in PORTS if port.default > LAST] == []


def test_no_two_servers_have_the_same_port() -> None:
    assert len({port.default for port in PORTS}) == len(PORTS)
