import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotunda_local.platform import Platform
from rotunda_local.ports import free_ports
from rotunda_local.programs import Program, Suite

PROGRAM = (sys.executable, str(Path(__file__).with_name("program.py")))


@pytest.fixture(scope="session")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notes")


@pytest.fixture(scope="session")
def suite(notes: Path, tmp_path_factory: pytest.TempPathFactory) -> Suite:
    migrations = tmp_path_factory.mktemp("migrations")
    (migrations / "0001_first.py").write_text("")
    return Suite(
        programs=(
            Program(
                name="customers",
                command=(*PROGRAM, "serve"),
                grpc_port="customers",
                database="customers",
                migrate=(*PROGRAM, "migrate"),
                migrations=migrations,
            ),
            Program(name="sales", command=(*PROGRAM, "serve"), grpc_port="sales", database="sales"),
            Program(name="gateway", command=(*PROGRAM, "serve"), grpc_port="access", http_port="gateway"),
        ),
        create_administrator=(*PROGRAM, "create-administrator", str(notes)),
        load_example_data=(*PROGRAM, "load", str(notes)),
    )


@pytest.fixture(scope="session")
def running(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform that was started once; a test that stops or kills something starts it again."""
    platform = Platform(tmp_path_factory.mktemp("home"), free_ports(), suite=suite, fsync=False, attached=True)
    try:
        platform.up()
        yield platform
    finally:
        platform.down()
