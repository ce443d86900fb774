"""The platform in containers of our images, each as little allowed as in a cluster."""

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from rotunda_kit.embedded.nats import USER
from rotunda_kit.testing.containers import NatsContainer, PostgresContainer, nats_container, postgres_container
from rotunda_local.health import grpc_problem, http_problem
from rotunda_local.home import ADMINISTRATOR, Access, Home
from rotunda_local.ports import HOST, free_ports
from rotunda_local.programs import Program, rotunda

from .patience import seconds_until

IMAGES = os.environ.get("ROTUNDA_TEST_IMAGES", "rotunda/{}:dev")
# Where a container finds the keys that it needs.
KEYS = "/run/rotunda"
GRPC_PORT = 8051
ACCESS_PORT = 8056
HTTP_PORT = 8080
METRICS_PORT = 9090
# What a container calls the machine that it runs on.
MACHINE = "host.docker.internal"
START_TIMEOUT = 120.0
STOP_SECONDS = 20
# At a time.
MIGRATIONS = 2


def confined(image: str, **more: Any) -> DockerContainer:
    """A container of an image, as our charts run it: nothing can be written but /tmp, nothing is allowed beyond."""
    allowed: dict[str, Any] = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]}
    machine = {MACHINE: "host-gateway"}
    return DockerContainer(image, **allowed, extra_hosts=machine, **more).with_tmpfs_mount("/tmp")


class ContainerPlatform:
    """The six containers, with PostgreSQL and NATS; for tests it is what `rotunda_local.platform.Platform` is.

    Args:
        directory: for keys and passwords.
        network: where the containers find one another by name.
        postgres: in it.
        nats: in it.
        settings: of all processes, beyond the usual ones; addresses of this machine are its name in containers.
    """

    def __init__(
        self,
        directory: Path,
        network: Network,
        postgres: PostgresContainer,
        nats: NatsContainer,
        settings: Mapping[str, str],
    ) -> None:
        self.home = Home(directory / "home")
        self.ports = free_ports()
        self.postgres = postgres
        self._directory = directory
        self._network = network
        self.nats = nats
        self._settings = {name: value.replace(HOST, MACHINE) for name, value in settings.items()}
        self._programs = {program.name: program for program in rotunda().programs}
        self._containers: dict[str, DockerContainer] = {}

    @property
    def url(self) -> str:
        """The gateway's address."""
        return f"http://{HOST}:{self.ports['gateway']}"

    @property
    def access(self) -> Access:
        """How to sign in as the administrator."""
        return self.home.write_access(self.url)

    def up(self) -> None:
        """Prepare the databases, start everything, and wait until it answers."""
        self.home.open()
        self.home.make_keys()
        asyncio.run(self._ensure_databases())
        with ThreadPoolExecutor(MIGRATIONS) as threads:
            list(threads.map(self._migrate, self._programs.values()))
        self._create_administrator()
        for name, program in self._programs.items():
            container = self._container(program).with_command(["serve", "--with-worker"])
            for inside, outside in self._published(program).items():
                container.with_bind_ports(inside, outside)
            self._containers[name] = container.start()
        seconds_until(lambda: not self._problems(), START_TIMEOUT)

    def down(self) -> dict[str, int]:
        """Stop everything in good order.

        Returns:
            What each process exited with.
        """
        codes = {}
        for name, container in reversed(self._containers.items()):
            wrapped = container.get_wrapped_container()
            wrapped.stop(timeout=STOP_SECONDS)
            codes[name] = int(wrapped.wait()["StatusCode"])
            (self._directory / f"{name}.log").write_bytes(wrapped.logs())
            container.stop()
        self._containers.clear()
        return codes

    def kill(self, name: str) -> None:
        """End a process by SIGKILL, and let it be started again."""
        container = self._containers[name].get_wrapped_container()
        container.kill()
        container.start()

    def logs(self) -> dict[str, str]:
        """What each process has logged so far."""
        return {
            name: container.get_wrapped_container().logs().decode(errors="replace")
            for name, container in self._containers.items()
        }

    async def _ensure_databases(self) -> None:
        for program in self._programs.values():
            await self.postgres.ensure_database(program.database, self.home.database_password(program.database))

    def _migrate(self, program: Program) -> None:
        run(self._container(program).with_command("migrate"))

    def _create_administrator(self) -> None:
        container = self._container(self._programs["gateway"], entrypoint=["sh", "-c"])
        command = f'echo "$PASSWORD" | python -m rotunda_gateway create-administrator --username {ADMINISTRATOR}'
        run(container.with_env("PASSWORD", self.access.password).with_command([command]))

    def _published(self, program: Program) -> dict[int, int]:
        """Ports of this machine by those of the container."""
        metrics = {METRICS_PORT: self.ports[program.metrics_port]}
        if not program.http_port:
            return {GRPC_PORT: self.ports[program.grpc_port], **metrics}
        return {ACCESS_PORT: self.ports[program.grpc_port], HTTP_PORT: self.ports[program.http_port], **metrics}

    def _problems(self) -> list[str]:
        """What is wrong with the platform, if anything."""
        problems = [grpc_problem(self.ports[program.grpc_port]) for program in self._programs.values()]
        return [problem for problem in (*problems, http_problem(self.ports["gateway"])) if problem]

    def _container(self, program: Program, **more: Any) -> DockerContainer:
        """One that was not started yet."""
        password = self.home.database_password(program.database)
        environment = {
            "ROTUNDA_DATABASE_URL": f"postgresql://{program.database}:{password}@postgres:5432/{program.database}",
            "ROTUNDA_NATS_URL": f"nats://{USER}:{self.nats.password}@nats:4222",
            "ROTUNDA_TOKEN_KEYS_FILE": f"{KEYS}/token-keys.json",
            "ROTUNDA_AUDIT_KEYS_FILE": f"{KEYS}/audit-keys.json",
            "ROTUNDA_ACCESS_ADDRESS": f"gateway:{ACCESS_PORT}",
            "ROTUNDA_METRICS_PORT": str(METRICS_PORT),
            **self._settings,
        }
        for name, other in self._programs.items():
            if not other.http_port:
                environment[f"ROTUNDA_{other.database.upper()}_ADDRESS"] = f"{name}:{GRPC_PORT}"
        if program.http_port:
            environment["ROTUNDA_SIGNING_KEY_FILE"] = f"{KEYS}/signing-key.json"
            environment["ROTUNDA_ENCRYPTION_KEY_FILE"] = f"{KEYS}/encryption-key"
        return (
            confined(IMAGES.format(program.name), **more)
            .with_network(self._network)
            .with_network_aliases(program.name)
            .with_volume_mapping(self._keys(program), KEYS)
            .with_envs(**environment)
        )

    def _keys(self, program: Program) -> Path:
        """A folder with the keys of one container, which its user can read, another one than ours."""
        folder = self._directory / "keys" / program.name
        folder.mkdir(parents=True, exist_ok=True)
        keys = {
            "token-keys.json": self.home.token_keys_file,
            "audit-keys.json": self.home.audit_keys_file(program.name),
        }
        if program.http_port:
            keys |= {"signing-key.json": self.home.signing_key_file, "encryption-key": self.home.encryption_key_file}
        for name, file in keys.items():
            shutil.copyfile(file, folder / name)
            (folder / name).chmod(0o644)
        return folder


def run(container: DockerContainer) -> None:
    """Run a container to its end, in which it must succeed."""
    with container:
        code = container.wait()
        assert code == 0, b"\n".join(container.get_logs()).decode(errors="replace")


@contextmanager
def container_platform(directory: Path, settings: Mapping[str, str]) -> Iterator[ContainerPlatform]:
    """A running platform, stopped at the end."""
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        postgres = stack.enter_context(postgres_container(18, network))
        nats = stack.enter_context(nats_container(network))
        platform = ContainerPlatform(directory, network, postgres, nats, settings)
        stack.callback(platform.down)
        platform.up()
        yield platform
        assert set(platform.down().values()) == {0}, "not all ended in good order"
