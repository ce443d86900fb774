"""The commands behind `make up`, `down`, `status`, `logs` and `reset`."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rotunda_kit.embedded import ServerError
from rotunda_local.errors import PlatformError
from rotunda_local.home import Home
from rotunda_local.logs import follow as follow_logs
from rotunda_local.logs import tail
from rotunda_local.platform import Platform
from rotunda_local.ports import PORTS, chosen_ports
from rotunda_local.programs import PROJECT
from rotunda_local.progress import Progress

COLOURS = ("cyan", "green", "yellow", "blue", "magenta", "bright_cyan", "bright_green", "bright_yellow")
VARIABLES = "\n".join(
    [
        "\b",
        "Environment variables:",
        "  ROTUNDA_HOME                  directory for data, secrets and logs (.rotunda)",
        "  ROTUNDA_EXAMPLE_DATA          0: do not load the example data (1)",
        *(f"  {port.variable:<28}  port of {port.purpose} ({port.default})" for port in PORTS),
        "Ports are remembered: later commands need the variables no more.",
    ]
)

app = typer.Typer(
    help=f"Runs the whole platform on this machine.\n\n{VARIABLES}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


@contextmanager
def _sentences() -> Iterator[None]:
    """Errors that have a sentence end the command with it."""
    try:
        yield
    except (PlatformError, ServerError) as error:
        errors.print(f"[bold red]✗[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from error


def _platform() -> Platform:
    directory = Path(os.environ.get("ROTUNDA_HOME") or PROJECT / ".rotunda")
    return Platform(
        directory,
        chosen_ports(os.environ, Home(directory).ports),
        example_data=os.environ.get("ROTUNDA_EXAMPLE_DATA", "1") != "0",
        progress=Progress(console),
    )


@app.command(help=f"Start whatever does not run; the first time, make all that it needs.\n\n{VARIABLES}")
def up() -> None:
    """Starts the platform and says how to use it."""
    with _sentences():
        platform = _platform()
        started = platform.up()
        _summary(platform, started=started)


def _summary(platform: Platform, *, started: bool) -> None:
    url, access_file = platform.url, platform.home.access_file
    services = ", ".join(
        f"{port.name} {platform.ports[port.name]}" for port in PORTS if port.purpose.endswith("(gRPC)")
    )
    table = Table.grid(padding=(0, 2))
    table.add_row("REST", f"{url}/v1")
    table.add_row("API pages", f"{url}/docs, {url}/openapi.json")
    table.add_row("gRPC", f"127.0.0.1: {services}")
    table.add_row("Sign in", f"user {platform.access.username}, password in {access_file}")
    console.print(f"\n[bold]Rotunda {'is up' if started else 'runs already'}.[/]")
    console.print(table, soft_wrap=True)
    password_file = platform.home.administrator_password_file
    console.print("\nA token, for the header `Authorization: Bearer …` of all requests:")
    console.print(
        f"  curl -s {url}/v1/auth/token --data-urlencode username={platform.access.username} "
        f"--data-urlencode password@{shlex.quote(str(password_file))}",
        markup=False,
        soft_wrap=True,
    )


@app.command()
def down() -> None:
    """Stop everything; the data stays."""
    with _sentences():
        if not _platform().down():
            console.print("Rotunda does not run.")


@app.command()
def status() -> None:
    """Show every process; exit code 1 if not all are well."""
    with _sentences():
        found = _platform().status()
        table = Table("process", "state", "pid", "uptime", "address", "health", box=None, pad_edge=False)
        for process in found:
            colour = "red" if process.problem else "green"
            table.add_row(
                process.name,
                process.state,
                str(process.pid or "–"),
                _duration(process.uptime) if process.pid else "–",
                "\n".join(process.addresses),
                f"[{colour}]{process.problem or 'ok'}[/]",
            )
        console.print(table)
        if any(process.problem for process in found):
            raise typer.Exit(1)


def _duration(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days} d {hour} h" if days else f"{hour}:{minute:02}:{second:02}"


@app.command()
def logs(
    names: Annotated[list[str] | None, typer.Argument(help="Of processes; all if none is named.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="So many of each log's last lines first.")] = 20,
    follow: Annotated[bool, typer.Option(help="Go on with new lines until Ctrl-C.")] = True,
) -> None:
    """Show the logs of all processes in one stream."""
    with _sentences():
        platform = _platform()
        chosen = names or platform.names
        unknown = sorted(set(chosen) - set(platform.names))
        if unknown:
            raise PlatformError(f"There is no process {', '.join(unknown)}; there are {', '.join(platform.names)}.")
        files = {name: platform.home.logs / f"{name}.log" for name in chosen}
        width = max(map(len, chosen))
        colours = {name: COLOURS[platform.names.index(name) % len(COLOURS)] for name in chosen}

        def show(name: str, line: str) -> None:
            console.print(f"[{colours[name]}]{name:<{width}}[/] {escape(line)}", soft_wrap=True)

        positions = {}
        for name, file in files.items():
            last, positions[name] = tail(file, lines)
            for line in last:
                show(name, line)
        if follow:
            for name, line in follow_logs(files, positions):
                show(name, line)


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Stop everything and delete all data, passwords and logs."""
    with _sentences():
        platform = _platform()
        directory = platform.home.directory
        if not directory.exists():
            console.print(f"There is nothing to delete: {directory} does not exist.")
            return
        if not yes:
            typer.confirm(f"Delete all data, passwords and logs in {directory}?", abort=True)
        platform.down()
        platform.home.delete()
        console.print(f"Deleted Rotunda's data in {directory}.")


if __name__ == "__main__":
    app()
