"""One platform of real processes for all tests of this folder, and what the tests call it with."""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import httpx
import pytest

from rotunda_kit.testing.stack import in_containers
from rotunda_local.platform import Platform
from rotunda_local.ports import free_ports

from .collector import Collector, collecting
from .ledger import Ledger
from .records import Records
from .reflection import Catalogue, Method, reflected
from .rest import Rest

if TYPE_CHECKING:
    from .containers import ContainerPlatform

LEDGER = pytest.StashKey[Ledger]()
# The names of the ports at which the services answer gRPC.
SERVERS = ("customers", "sales", "service-desk", "marketing", "sync", "access")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEDGER] = Ledger()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note every check of a method."""
    report = yield
    method = item.callspec.params.get("method") if hasattr(item, "callspec") else None
    if isinstance(method, str) and (report.when == "call" or report.failed):
        check = item.originalname.removeprefix("test_").replace("_", " ")
        item.config.stash[LEDGER].note(method, item.cls.__name__, check, passed=report.passed)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = list(config.stash[LEDGER].lines())
    if lines:
        terminalreporter.section("methods and their checks")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def ledger(pytestconfig: pytest.Config) -> Ledger:
    return pytestconfig.stash[LEDGER]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # What must not be told is looked for when everything has been done.
    items.sort(key=lambda item: item.path.name == "test_canary.py")


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="session")
def platform(
    tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> "Iterator[Platform | ContainerPlatform]":
    settings = {
        "ROTUNDA_OTLP_ENDPOINT": collector.endpoint,
        "ROTUNDA_TRACE_SAMPLE_RATIO": "1",
        # Milliseconds between two batches of spans.
        "OTEL_BSP_SCHEDULE_DELAY": "500",
    }
    if in_containers():
        # Not needed for other tests, nor installed wherever they run.
        from .containers import container_platform

        with container_platform(tmp_path_factory.mktemp("platform"), settings) as containers:
            yield containers
        return
    platform = Platform(
        tmp_path_factory.mktemp("platform"),
        free_ports(),
        example_data=False,
        fsync=False,
        attached=True,
        settings=settings,
    )
    try:
        platform.up()
        yield platform
    finally:
        platform.down()


@pytest.fixture(scope="session")
def anonymous(platform: Platform) -> Iterator[httpx.Client]:
    """Nobody has signed in."""
    # A proxy for the world outside does not know this machine's ports.
    with httpx.Client(base_url=platform.url, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def client(platform: Platform, anonymous: httpx.Client) -> Iterator[httpx.Client]:
    """Signed in as the administrator."""
    access = platform.access
    answer = anonymous.post("/v1/auth/token", data={"username": access.username, "password": access.password})
    token = answer.raise_for_status().json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=platform.url, headers=headers, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def rest(client: httpx.Client, ledger: Ledger) -> Rest:
    return Rest(client, ledger)


@pytest.fixture(scope="session")
def servers(platform: Platform) -> dict[str, Catalogue]:
    """What every running server says of its methods."""
    return {name: reflected(f"127.0.0.1:{platform.ports[name]}") for name in SERVERS}


@pytest.fixture(scope="session")
def catalogue(servers: dict[str, Catalogue]) -> Catalogue:
    """The methods of all running servers."""
    return Catalogue(method for server in servers.values() for method in server.methods.values())


@pytest.fixture(scope="session")
def records(rest: Rest, catalogue: Catalogue) -> Records:
    return Records(rest, catalogue)


@pytest.fixture
def method(request: pytest.FixtureRequest, catalogue: Catalogue) -> Method:
    """The method of the parameter's name, as its running server describes it."""
    assert request.param in catalogue.methods, "no running server has it"
    return catalogue.methods[request.param]
