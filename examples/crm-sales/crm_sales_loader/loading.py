"""Bringing records to the platform in batches, and remembering under which ids it keeps them."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.progress import Progress

from crm_sales_loader.api import Client, Outcome, describe
from crm_sales_loader.wire import Json, key_of

REPORTED_FAILURES = 5


class LoadFailed(Exception):  # noqa: N818 - it says what happened to the load
    """Records were refused; without them the rest can't be loaded."""


@dataclass(frozen=True, slots=True)
class Noun:
    """A kind of record: its name for people, its collection's path, its field in answers, and how many a batch has."""

    title: str
    path: str
    resource: str
    batch: int = 500


class Loader:
    """Loads nouns one after the other, or several at once.

    `ids` holds the ids of all records that were loaded, by noun and by what the set knows them by; `counts` what became
    of them.
    """

    def __init__(self, client: Client, progress: Progress) -> None:
        self.client = client
        self.ids: dict[str, dict[str, str]] = {}
        self.counts: dict[str, Counter[str]] = {}
        self._progress = progress

    async def upsert(self, noun: Noun, items: Iterable[Json]) -> dict[str, Json]:
        """Create the records that are not there, and change those that are there but different.

        Args:
            noun: what they are.
            items: of the noun's `:batchCreate`.

        Returns:
            the records as they are now, by what the set knows them by.

        Raises:
            LoadFailed: some were refused.
        """
        outcomes = await self._batches(noun, f"{noun.path}:batchCreate", list(items), upsertBy="externalIds")
        records = {key: outcome.record for outcome in outcomes if outcome.record and (key := key_of(outcome.record))}
        self.ids.setdefault(noun.resource, {}).update((key, record["id"]) for key, record in records.items())
        self.counts.setdefault(noun.title, Counter()).update(outcome.outcome for outcome in outcomes)
        return records

    async def batch_verb(self, noun: Noun, verb: str, title: str, items: Sequence[Json]) -> None:
        """Call a batch verb, for example `batchWin`; does nothing without items.

        Raises:
            LoadFailed: some were refused.
        """
        if items:
            await self._batches(Noun(title, noun.path, noun.resource, noun.batch), f"{noun.path}:{verb}", items)

    async def verbs(self, noun: Noun, title: str, calls: Sequence[tuple[str, Sequence[tuple[str, Json]]]]) -> None:
        """Call verbs on single records: those of one record in their order, records at once.

        Args:
            noun: what the records are.
            title: what to show while it goes on.
            calls: the id of each record, with its verbs and their bodies.
        """
        if not calls:
            return
        task = self._progress.add_task(title, total=len(calls))

        async def one(record_id: str, todo: Sequence[tuple[str, Json]]) -> None:
            for verb, body in todo:
                await self.client.post(f"{noun.path}/{record_id}:{verb}", body)
            self._progress.advance(task)

        async with asyncio.TaskGroup() as group:
            for record_id, todo in calls:
                group.create_task(one(record_id, todo))

    async def _batches(self, noun: Noun, path: str, items: Sequence[Json], **more: str) -> list[Outcome]:
        task = self._progress.add_task(noun.title, total=len(items))

        async def one(part: Sequence[Json]) -> list[Outcome]:
            outcomes = await self.client.batch(path, noun.resource, part, **more)
            self._progress.advance(task, len(part))
            return outcomes

        async with asyncio.TaskGroup() as group:
            parts = [
                group.create_task(one(items[start : start + noun.batch])) for start in range(0, len(items), noun.batch)
            ]
        outcomes = [outcome for part in parts for outcome in part.result()]
        problems = [outcome.problem for outcome in outcomes if outcome.problem is not None]
        if problems:
            examples = "\n".join(describe(problem) for problem in problems[:REPORTED_FAILURES])
            raise LoadFailed(f"{noun.title}: {len(problems)} of {len(items)} were refused, among them:\n{examples}")
        return outcomes
