"""The command line of every service.

`serve [--with-worker]`, `work`, `migrate`, `restored`, `await-migrations`, `revise`, `verify-audit`, `republish`,
`reconcile`.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Annotated

import structlog
import typer
import uvloop

from rotunda_kit.app import Service
from rotunda_kit.audit.chain import Signer
from rotunda_kit.audit.verification import verify
from rotunda_kit.db import migrations
from rotunda_kit.events.commands import add_event_commands
from rotunda_kit.monitor import show_pools
from rotunda_kit.runtime import Runtime
from rotunda_kit.settings import DatabaseSettings, Settings
from rotunda_kit.telemetry.logs import configure_logging
from rotunda_kit.telemetry.setup import begin_telemetry, end_telemetry

log = structlog.get_logger()


async def until_stopped() -> None:
    """Return at SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()


def command_line(service: Service) -> typer.Typer:
    """The commands of a service; call the result to run one."""
    cli = typer.Typer(no_args_is_help=True, add_completion=False, help=f"Rotunda's {service.name} service.")

    def run(start: Callable[[Runtime], Awaitable[None]]) -> None:
        settings = Settings()  # type: ignore[call-arg] # they come from the environment
        begin_telemetry(service.name, settings)

        async def live() -> None:
            runtime = Runtime(service, settings)
            show_pools(runtime.database)
            try:
                await start(runtime)
                await until_stopped()
            finally:
                await runtime.stop()

        uvloop.run(live())
        end_telemetry()

    @cli.command()
    def serve(with_worker: Annotated[bool, typer.Option(help="Also relay and consume events.")] = False) -> None:
        """Answer gRPC calls."""

        async def start(runtime: Runtime) -> None:
            await runtime.serve()
            if with_worker:
                await runtime.work()

        run(start)

    @cli.command()
    def work() -> None:
        """Relay and consume events."""
        run(Runtime.work)

    add_migration_commands(cli, service)
    add_audit_command(cli, service)
    add_event_commands(cli, service)
    return cli


def add_audit_command(cli: typer.Typer, service: Service) -> None:
    """`verify-audit`, for a service's own command line."""

    @cli.command()
    def verify_audit(
        from_seq: Annotated[int, typer.Option(min=1, help="First entry to look at, where all is too much.")] = 1,
    ) -> None:
        """Say whether the audit trail is as it was written; exits with 1 where it is not."""
        settings = Settings()  # type: ignore[call-arg] # they come from the environment
        signer = Signer.from_file(settings.audit_keys_file)
        verdict = uvloop.run(verify(settings.database_url, service.name, signer, from_seq))
        since = f", the oldest since {verdict.tail_since:%Y-%m-%d %H:%M:%S} UTC" if verdict.tail_since else ""
        typer.echo(f"Right up to entry {verdict.chained}, by {verdict.checkpoints} signatures: {verdict.hash.hex()}.")
        typer.echo(f"{verdict.tail} entries are not chained yet{since}.")
        if verdict.broken:
            typer.echo(f"The chain is broken: {verdict.broken}.", err=True)
            raise typer.Exit(1)


def add_migration_commands(cli: typer.Typer, service: Service) -> None:
    """`migrate`, `restored`, `await-migrations` and `revise`, for a service's own command line."""

    @cli.command()
    def migrate() -> None:
        """Bring the database to the newest version."""
        settings = DatabaseSettings()  # type: ignore[call-arg] # they come from the environment
        configure_logging(service.name, settings.log_level)
        uvloop.run(service.migrate(settings.database_url))

    @cli.command()
    def restored() -> None:
        """Prepare a database that was restored to an earlier state, before the service starts on it again."""
        settings = DatabaseSettings()  # type: ignore[call-arg] # they come from the environment
        configure_logging(service.name, settings.log_level)
        uvloop.run(service.restored(settings.database_url))

    @cli.command()
    def await_migrations(timeout: Annotated[float, typer.Option(min=0, help="Seconds.")] = 300.0) -> None:
        """Wait until the database has what this release needs; exits with 1 where it does not get it."""
        settings = DatabaseSettings()  # type: ignore[call-arg] # they come from the environment
        configure_logging(service.name, settings.log_level)
        try:
            uvloop.run(service.await_migrations(settings.database_url, timeout))
        except TimeoutError as error:
            typer.echo(f"{error}.", err=True)
            raise typer.Exit(1) from error

    @cli.command()
    def revise(message: str) -> None:
        """Bring the database to the newest version, and write a migration from what the mapped classes have beyond."""
        settings = DatabaseSettings()  # type: ignore[call-arg] # they come from the environment
        versions = migrations.config(service.migrations, [service.metadata])

        async def write() -> None:
            await migrations.migrate(settings.database_url, versions)
            await migrations.revise(settings.database_url, versions, message)

        uvloop.run(write())
