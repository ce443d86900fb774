"""Real servers for tests: one PostgreSQL and one NATS a test session.

A test suite names this module in `pytest_plugins` and asks for the fixtures `postgres` and `nats`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rotunda_kit.embedded import NatsServer, PostgresServer
from rotunda_kit.embedded.ports import free_ports

# 16 or 18: the oldest and the newest PostgreSQL that the product supports.
VERSION_VARIABLE = "ROTUNDA_TEST_POSTGRES"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL server; `await postgres.create_database(name)` gives the URL of a new, empty database."""
    [port] = free_ports(1)
    version = int(os.environ.get(VERSION_VARIABLE, "18"))
    directory = tmp_path_factory.mktemp("postgres")
    server = PostgresServer(directory, port, version=version, durable=False, shared_buffers="32MB")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A NATS server with JetStream; clients connect to `nats.url`.

    Two platforms with workers would take each other's messages: tests whose platform works for a whole session start
    a server of their own with `nats_server`.
    """
    with nats_server(tmp_path_factory) as server:
        yield server


@contextmanager
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A NATS server for some tests alone."""
    port, monitoring_port = free_ports(2)
    server = NatsServer(tmp_path_factory.mktemp("nats"), port, monitoring_port, durable=False)
    try:
        server.start()
        yield server
    finally:
        server.stop()
