"""Real servers for tests: one PostgreSQL and one NATS a test session.

A test suite names this module in `pytest_plugins` and asks for the fixtures `postgres` and `nats`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rotunda_kit.embedded import Nats, NatsServer, Postgres, PostgresServer
from rotunda_kit.embedded.ports import free_ports
from rotunda_kit.testing.stack import in_containers

# 16 or 18: the oldest and the newest PostgreSQL that the product supports.
VERSION_VARIABLE = "ROTUNDA_TEST_POSTGRES"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server; `await postgres.create_database(name)` gives the URL of a new, empty database."""
    version = int(os.environ.get(VERSION_VARIABLE, "18"))
    if in_containers():
        # Not needed for other tests, nor installed wherever they run.
        from rotunda_kit.testing.containers import postgres_container

        with postgres_container(version) as container:
            yield container
        return
    [port] = free_ports(1)
    directory = tmp_path_factory.mktemp("postgres")
    server = PostgresServer(directory, port, version=version, durable=False, shared_buffers="32MB")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """A NATS server with JetStream; clients connect to `nats.url`.

    Two platforms with workers would take each other's messages: tests whose platform works for a whole session start
    a server of their own with `nats_server`.
    """
    with nats_server(tmp_path_factory) as server:
        yield server


@contextmanager
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """A NATS server for some tests alone."""
    if in_containers():
        from rotunda_kit.testing.containers import nats_container

        with nats_container() as container:
            yield container
        return
    port, monitoring_port = free_ports(2)
    server = NatsServer(tmp_path_factory.mktemp("nats"), port, monitoring_port, durable=False)
    try:
        server.start()
        yield server
    finally:
        server.stop()
