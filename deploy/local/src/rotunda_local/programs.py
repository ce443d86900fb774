"""Which programs make up the platform, as data."""

import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

# deploy/local/src/rotunda_local/programs.py
PROJECT = Path(__file__).resolve().parents[4]


@dataclass(frozen=True, slots=True)
class Program:
    """One process of the platform beside PostgreSQL and NATS.

    Its settings come from the environment, as `rotunda_kit.settings` and the gateway's settings say.

    Args:
        name: in listings, logs and `processes.json`.
        command: runs it in the foreground.
        grpc_port: the name of the port where it answers `grpc.health.v1`.
        database: of its own; none if empty.
        http_port: the name of the port where it answers `/readyz`; such a program is started last and stopped first.
        metrics_port: the name of the port where Prometheus finds `/metrics`; none if empty.
        migrate: brings its database up to date; nothing to do if empty.
        migrations: the folder of what `migrate` applies.
    """

    name: str
    command: tuple[str, ...]
    grpc_port: str
    database: str = ""
    http_port: str = ""
    metrics_port: str = ""
    migrate: tuple[str, ...] = ()
    migrations: Path | None = None

    @property
    def edge(self) -> bool:
        """Whether it is where requests come in."""
        return bool(self.http_port)

    @property
    def ports(self) -> set[str]:
        """The names of its ports."""
        return {self.grpc_port, self.http_port, self.metrics_port} - {""}

    def migrations_digest(self) -> str:
        """Changes when the migrations do."""
        digest = sha256()
        if self.migrations:
            for file in sorted(self.migrations.rglob("*.py")):
                digest.update(f"{file.relative_to(self.migrations)}\0".encode())
                digest.update(file.read_bytes())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Suite:
    """What a platform runs.

    Args:
        programs: in the order in which listings show them.
        create_administrator: takes `--username`, and the password from standard input; it may run again.
        load_example_data: takes `--url`, `--username` and `--password-file`; it may run again.
    """

    programs: tuple[Program, ...]
    create_administrator: tuple[str, ...] = ()
    load_example_data: tuple[str, ...] = ()


def _service(name: str) -> Program:
    noun = name.replace("-", "_")
    run = (sys.executable, "-m", f"rotunda_{noun}")
    return Program(
        name=name,
        command=(*run, "serve", "--with-worker"),
        grpc_port=name,
        database=noun,
        metrics_port=f"{name}-metrics",
        migrate=(*run, "migrate"),
        migrations=PROJECT / "services" / name / "migrations",
    )


def rotunda() -> Suite:
    """Rotunda itself."""
    gateway = (sys.executable, "-m", "rotunda_gateway")
    return Suite(
        programs=(
            *map(_service, ("customers", "sales", "service-desk", "marketing", "sync")),
            Program(
                name="gateway",
                command=(*gateway, "serve", "--with-worker"),
                grpc_port="access",
                database="access",
                http_port="gateway",
                metrics_port="gateway-metrics",
                migrate=(*gateway, "migrate"),
                migrations=PROJECT / "gateway" / "migrations",
            ),
        ),
        create_administrator=(*gateway, "create-administrator"),
        load_example_data=(sys.executable, str(PROJECT / "examples" / "crm-sales" / "load.py")),
    )
