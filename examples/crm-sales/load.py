"""Loads the data set through the platform's public API: `python load.py --access .rotunda/access.json`.

Doing it again changes nothing, whenever that is. Exit code 0: all is there and the figures agree.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from crm_sales_loader import records, source
from crm_sales_loader.api import Access, ApiError, Client
from crm_sales_loader.loading import Loader, LoadFailed
from crm_sales_loader.process import load
from crm_sales_loader.report import counts_table, figures_table, findings_table
from crm_sales_loader.verification import figures

DIRECTORY = Path(__file__).parent


def main() -> int:
    """Load, report, verify.

    Returns:
        the exit code: 1 where something was refused or the figures do not agree.
    """
    access, console = _arguments(), Console()
    try:
        return asyncio.run(_run(access, console))
    except* (ApiError, LoadFailed, source.SourceError) as errors:
        for error in _leaves(errors):
            console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
    return 1


async def _run(access: Access, console: Console) -> int:
    data = source.read(DIRECTORY)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    async with Client(access) as client:
        with Progress(*columns, console=console) as progress:
            loader = Loader(client, progress)
            await load(loader, data)
        found = await figures(client, loader.ids["pipeline"][records.PIPELINE])
    for table in (findings_table(data.findings), counts_table(loader.counts), figures_table(found)):
        console.print(table)
    return 0 if all(figure.agrees for figure in found) else 1


def _arguments() -> Access:
    parser = argparse.ArgumentParser(description="Loads the data set CRM Sales Opportunities into a platform.")
    parser.add_argument("--access", type=Path, help="the file that `make up` leaves, with address, user and password")
    parser.add_argument("--url", help="the platform's address, for example http://127.0.0.1:8080")
    parser.add_argument("--username", help="an administrator")
    parser.add_argument("--password-file", type=Path, help="a file that holds his password")
    given = parser.parse_args()
    by_hand = (given.url, given.username, given.password_file)
    if given.access is not None and by_hand == (None, None, None):
        try:
            return Access.read(given.access)
        except ApiError as error:
            parser.error(str(error))
    if given.access is not None or None in by_hand:
        parser.error("give either --access, or --url, --username and --password-file")
    try:
        return Access(given.url, given.username, given.password_file.read_text().rstrip("\n"))
    except OSError as error:
        parser.error(str(error))


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]


if __name__ == "__main__":
    sys.exit(main())
