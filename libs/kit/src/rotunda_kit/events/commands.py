"""Commands about events, for a service's own command line: `republish` and `reconcile`."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar
from uuid import UUID

import typer
import uvloop
from nats.errors import Error as NatsError

from rotunda_kit.app import Service
from rotunda_kit.db.engine import Database
from rotunda_kit.events.broker import connect
from rotunda_kit.events.reconcile import SETTLED, Reconciler
from rotunda_kit.events.republish import FIRST, republish_all, republish_since, told_nouns
from rotunda_kit.settings import Settings
from rotunda_kit.telemetry.logs import configure_logging

T = TypeVar("T")

_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str) -> datetime:
    """A moment, as an operator writes it: `2h` ago, or RFC 3339.

    Raises:
        ValueError: it is neither.
    """
    ago = _AGO.fullmatch(text)
    if ago:
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time needs its zone")
    return at


def add_event_commands(cli: typer.Typer, service: Service) -> None:
    """`republish` and `reconcile`."""

    @cli.command()
    def republish(
        since: Annotated[str, typer.Option(help="Sent events since then: 90m, 2h, 3d ago, or RFC 3339.")] = "",
        all_records: Annotated[bool, typer.Option("--all", help="The state of every record.")] = False,
        noun: Annotated[list[str] | None, typer.Option(help="With --all: of these nouns, as service.noun.")] = None,
        after: Annotated[str, typer.Option(help="Go on where an earlier run got to.")] = "",
    ) -> None:
        """Tell events again, through the outbox; a worker of the service must be running."""
        if bool(since) == all_records:
            raise typer.BadParameter("give either --since or --all")
        settings = _settings(service)

        async def run() -> None:
            database = Database(settings.database_url, 2)
            try:
                if since:
                    await _since(database, _read(moment, since), _read(int, after or "0"))
                else:
                    await _all(database, service.name, noun or [], after)
            finally:
                await database.close()

        uvloop.run(run())

    @cli.command()
    def reconcile(
        settled: Annotated[float, typer.Option(help="Pass over what changed within so many seconds.")] = SETTLED,
        forget: Annotated[
            bool, typer.Option("--forget", help="Also take copies for deleted of what its owner does not have.")
        ] = False,
    ) -> None:
        """Compare the copies of others' records with their owners', and mend what is missing or old."""
        settings = _settings(service)

        async def run() -> None:
            database = Database(settings.database_url, 2)
            broker = await connect(settings.nats_url, f"{service.name}-reconcile")
            try:
                async for found in Reconciler(service.all_copies, database, broker, settled).compare(forget=forget):
                    typer.echo(
                        f"{found.noun}: {found.compared} compared, {found.missing} missing, {found.old} old,"
                        f" {found.told} told again" + (f", {found.unknown} unknown to the owner" if forget else "")
                    )
            except NatsError as error:
                typer.echo("An owner does not answer: does a worker of its service run?", err=True)
                raise typer.Exit(1) from error
            finally:
                await broker.close()
                await database.close()

        uvloop.run(run())


async def _since(database: Database, since: datetime, after: int) -> None:
    told = 0
    async for told, reached in republish_since(database, since, after):
        typer.echo(f"{told} events, go on with --after {reached}")
    typer.echo(f"Done: {told} events.")


async def _all(database: Database, service: str, chosen: list[str], after: str) -> None:
    models = {model.__noun__: model for model in told_nouns(service)}
    unknown = set(chosen) - models.keys()
    if unknown:
        raise typer.BadParameter(f"others hear nothing of {', '.join(sorted(unknown))}; only of {', '.join(models)}")
    begun, _, reached = after.partition("/")
    for noun, model in models.items():
        if (chosen and noun not in chosen) or noun < begun:
            continue
        told, start = 0, _read(UUID, reached) if noun == begun else FIRST
        async for told, last in republish_all(database, model, start):
            typer.echo(f"{noun}: {told} records, go on with --after {noun}/{last}")
        typer.echo(f"{noun}: done, {told} records.")


def _read(convert: Callable[[str], T], text: str) -> T:
    try:
        return convert(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} can't be read") from error


def _settings(service: Service) -> Settings:
    settings = Settings()  # type: ignore[call-arg] # they come from the environment
    configure_logging(service.name, settings.log_level)
    return settings
