"""The custom fields of a service's nouns in memory, as they were last read."""

import asyncio
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import structlog
from google.protobuf.struct_pb2 import Struct
from sqlalchemy import Column, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from rotunda_kit.custom_fields.model import CustomField, CustomFieldType, Customizable
from rotunda_kit.custom_fields.values import Definition
from rotunda_kit.db.engine import Database
from rotunda_kit.errors import Unavailable
from rotunda_kit.listing.field import ListField

log = structlog.get_logger()

# Seconds between two looks at whether something changed.
POLL = 0.5

custom_field = CustomField.__table__
# Versions only rise; and what goes makes the rest fewer.
_STATE = select(
    func.count(), func.coalesce(func.sum(custom_field.c.version), 0), func.max(custom_field.c.update_time)
).select_from(custom_field)
_ALL = select(custom_field).order_by(custom_field.c.id)


class Catalogue:
    """Knows the custom fields of one service."""

    def __init__(self) -> None:
        self._state: tuple[Any, ...] | None = None
        self._by_key: dict[str, Definition] = {}

    async def run(self, database: Database) -> None:
        """Stay up to date until cancelled."""
        while True:
            try:
                async with database.reading() as connection:
                    await self.refresh(connection)
            except Exception as error:  # what is known stays valid until the database is back
                log.warning("custom fields not refreshed", error=type(error).__name__)
            await asyncio.sleep(POLL)

    async def refresh(self, connection: AsyncConnection | AsyncSession) -> None:
        """Take in what changed since the last time."""
        state = tuple((await connection.execute(_STATE)).one())
        if state == self._state:
            return
        rows = (await connection.execute(_ALL)).mappings().all()
        self._by_key = {
            str(row["id"]): Definition(
                row["id"],
                row["record_type"],
                row["name"],
                CustomFieldType(row["type"]),
                row["required"],
                tuple(row["choices"]),
                row["delete_time"] is not None,
            )
            for row in rows
        }
        # Read before the rest: what changed meanwhile is taken in the next time.
        self._state = state

    def of(self, noun: str) -> dict[str, Definition]:
        """The living ones of a noun, by name."""
        return {each.name: each for each in self._by_key.values() if each.record_type == noun and not each.deleted}

    def knows(self, kept: Mapping[str, Any] | None) -> bool:
        """Whether it has the definitions of all of a record's values."""
        return not kept or all(key in self._by_key for key in kept)

    def shown(self, kept: Mapping[str, Any]) -> Struct | None:
        """The values of a record by their names, without those in the recycle bin.

        Raises:
            Unavailable: no definition was read yet.
        """
        if self._state is None:
            raise Unavailable("CUSTOM_FIELDS_NOT_LOADED", "The service has just started. Try again in a moment.")
        found = {}
        for key, value in kept.items():
            definition = self._by_key.get(key)
            if definition is not None and not definition.deleted:
                found[definition.name] = definition.shown(value)
        if not found:
            return None
        message = Struct()
        message.update(found)
        return message

    def listed(self, noun: str, column: Column[Any]) -> dict[str, ListField]:
        """What lists of a noun can be filtered and ordered by, over the column that keeps the values."""
        fields = (_listed(definition, column) for definition in self.of(noun).values())
        return {field.path: field for field in fields}


@lru_cache(maxsize=4096)
def _listed(definition: Definition, column: Column[Any]) -> ListField:
    return definition.listed(column)


_catalogues: dict[str, Catalogue] = {}


def catalogue_of(service: str) -> Catalogue:
    """The one of a service: each process has the definitions of the service that it is of."""
    return _catalogues.setdefault(service, Catalogue())


def catalogue_for(model: Any) -> Catalogue | None:
    """The one of a mapped class's service; None where its records have no custom fields."""
    return catalogue_of(model.__noun__.split(".")[0]) if issubclass(model, Customizable) else None


async def acquaint(connection: AsyncConnection | AsyncSession, model: Any, kept: Iterable[Any]) -> None:
    """See to it that all values of some records can be shown, though their definitions may just have been made.

    Args:
        connection: to the service's database.
        model: the records' mapped class.
        kept: what the records keep.
    """
    catalogue = catalogue_for(model)
    if catalogue is not None and not all(map(catalogue.knows, kept)):
        await catalogue.refresh(connection)
