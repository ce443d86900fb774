"""PostgreSQL and NATS in containers, for tests that shall see the servers of an installation."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import ExecWaitStrategy, HttpWaitStrategy

from rotunda_kit.embedded.databases import SUPERUSER, Postgres, common_settings
from rotunda_kit.embedded.files import new_password
from rotunda_kit.embedded.nats import MAX_PAYLOAD, USER

POSTGRES_VARIABLE = "ROTUNDA_TEST_POSTGRES_IMAGE"
NATS_VARIABLE = "ROTUNDA_TEST_NATS_IMAGE"
NATS_IMAGE = "nats:2.12"
CONFIGURATION = "/etc/rotunda.conf"
POSTGRES_PORT = 5432
NATS_PORT = 4222
MONITORING_PORT = 8222
START_TIMEOUT = 60


class PostgresContainer(Postgres):
    """A running PostgreSQL, seen from outside of its container."""

    def __init__(self, container: DockerContainer, password: str) -> None:
        self.host = container.get_container_host_ip()
        self.port = container.get_exposed_port(POSTGRES_PORT)
        self._password = password

    @property
    def superuser_password(self) -> str:
        """Opens everything."""
        return self._password


class NatsContainer:
    """A running NATS, seen from outside of its container."""

    def __init__(self, container: DockerContainer, password: str) -> None:
        self.password = password
        self._address = f"{container.get_container_host_ip()}:{container.get_exposed_port(NATS_PORT)}"

    @property
    def url(self) -> str:
        """Where clients connect, with user and password."""
        return f"nats://{USER}:{self.password}@{self._address}"


@contextmanager
def postgres_container(version: int, network: Network | None = None) -> Iterator[PostgresContainer]:
    """A PostgreSQL server of the image in `ROTUNDA_TEST_POSTGRES_IMAGE`, by default the public one of this version.

    Args:
        version: 16 or 18.
        network: where it has the name `postgres`.
    """
    password = new_password()
    settings = common_settings("32MB", durable=False)
    container = (
        DockerContainer(os.environ.get(POSTGRES_VARIABLE, f"postgres:{version}"), network=network)
        .with_network_aliases("postgres")
        .with_env("POSTGRES_PASSWORD", password)
        .with_exposed_ports(POSTGRES_PORT)
        .with_command([part for name, value in settings.items() for part in ("-c", f"{name}={value}")])
        # By its address: while the public image makes the cluster, a server answers at the socket alone.
        .waiting_for(
            ExecWaitStrategy(["pg_isready", "-h", "127.0.0.1", "-U", SUPERUSER]).with_startup_timeout(START_TIMEOUT)
        )
    )
    with container:
        yield PostgresContainer(container, password)


@contextmanager
def nats_container(network: Network | None = None) -> Iterator[NatsContainer]:
    """A NATS server with JetStream of the image in `ROTUNDA_TEST_NATS_IMAGE`, by default the public one.

    Args:
        network: where it has the name `nats`.
    """
    password = new_password()
    configuration = {
        "port": NATS_PORT,
        "http": MONITORING_PORT,
        "max_payload": MAX_PAYLOAD,
        "authorization": {"user": USER, "password": password},
        "jetstream": {"store_dir": "/data"},
    }
    container = (
        DockerContainer(os.environ.get(NATS_VARIABLE, NATS_IMAGE), network=network)
        .with_network_aliases("nats")
        .with_copy_into_container(json.dumps(configuration).encode(), CONFIGURATION)
        .with_exposed_ports(NATS_PORT, MONITORING_PORT)
        .with_command(["--config", CONFIGURATION])
        # Not before JetStream works.
        .waiting_for(
            HttpWaitStrategy(MONITORING_PORT, "/healthz").for_status_code(200).with_startup_timeout(START_TIMEOUT)
        )
    )
    with container:
        yield NatsContainer(container, password)
