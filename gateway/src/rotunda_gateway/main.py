"""The gateway's command line."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from typing import Annotated, Any
from uuid import UUID

import typer
import uvicorn
import uvloop
from sqlalchemy import select

from rotunda_gateway.access.app import app as access
from rotunda_gateway.access.passwords import LEAST_LENGTH, hash_password
from rotunda_gateway.access.users.model import User
from rotunda_gateway.app import make_app
from rotunda_gateway.auth.passwords import password_changed
from rotunda_gateway.http.protocol import GatewayProtocol
from rotunda_gateway.settings import GatewaySettings
from rotunda_kit.db.engine import Database
from rotunda_kit.db.unit_of_work import unit_of_work
from rotunda_kit.events.commands import add_event_commands
from rotunda_kit.identity import ADMINISTRATOR
from rotunda_kit.main import add_audit_command, add_migration_commands, until_stopped
from rotunda_kit.monitor import show_pools
from rotunda_kit.runtime import Runtime
from rotunda_kit.telemetry.logs import configure_logging
from rotunda_kit.telemetry.setup import begin_telemetry, end_telemetry

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="Rotunda's gateway.")
add_migration_commands(cli, access)
add_audit_command(cli, access)
add_event_commands(cli, access)


def _settings() -> GatewaySettings:
    return GatewaySettings()  # type: ignore[call-arg] # they come from the environment


def _run(live: Callable[[], Coroutine[Any, Any, None]], settings: GatewaySettings) -> None:
    begin_telemetry("gateway", settings, edge=True)
    uvloop.run(live())
    end_telemetry()


@cli.command()
def serve(with_worker: Annotated[bool, typer.Option(help="Also relay and consume events.")] = False) -> None:
    """Answer REST, and gRPC for access."""
    settings = _settings()

    async def live() -> None:
        runtime = Runtime(access, settings)
        show_pools(runtime.database)
        app = make_app(runtime, settings)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                host=settings.http_host,
                port=settings.http_port,
                http=GatewayProtocol,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_keep_alive=75,
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=settings.trusted_proxies,
                timeout_graceful_shutdown=int(settings.stop_grace),
            )
        )
        # uvicorn would end the process by the signal, before the rest is stopped.
        server.capture_signals = nullcontext  # type: ignore[assignment,method-assign]
        try:
            await runtime.serve()
            if with_worker:
                await runtime.work()
            serving = asyncio.create_task(server.serve())
            stopping = asyncio.create_task(until_stopped())
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await runtime.retire()
            app.state.hub.close()
            # Requests in flight still get their answers.
            server.should_exit = True
            await serving
        finally:
            await runtime.stop()

    _run(live, settings)


@cli.command()
def work() -> None:
    """Relay and consume events of access."""
    settings = _settings()

    async def live() -> None:
        runtime = Runtime(access, settings)
        show_pools(runtime.database)
        try:
            await runtime.work()
            await until_stopped()
        finally:
            await runtime.stop()

    _run(live, settings)


@cli.command()
def create_administrator(username: Annotated[str, typer.Option(help="What he signs in with.")]) -> None:
    """Create an administrator, or give him a new password; reads it from standard input."""
    settings = _settings()
    configure_logging("gateway", settings.log_level)
    password = sys.stdin.read().strip()
    if len(password) < LEAST_LENGTH:
        typer.echo(f"The password is shorter than {LEAST_LENGTH} characters.", err=True)
        raise typer.Exit(1)

    async def create() -> None:
        database = Database(settings.database_url, 1)
        try:
            async with unit_of_work(database, "system") as work:
                user = await work.session.scalar(
                    select(User).where(User.username == username.lower(), User.delete_time.is_(None)).with_for_update()
                )
                if user is None:
                    user = User(username=username.lower(), display_name="Administrator")
                    work.session.add(user)
                user.active = True
                user.role_ids = sorted({*user.role_ids, UUID(ADMINISTRATOR)})
                user.password_hash = await hash_password(password)
                await password_changed(work.session, user.id)
        finally:
            await database.close()

    uvloop.run(create())
