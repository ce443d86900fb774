"""Records by their names in other systems."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_kit.db.tables import external_id

# System and id in it.
ExternalId = tuple[str, str]


async def records_named(session: AsyncSession, noun: str, names: Iterable[ExternalId]) -> dict[ExternalId, UUID]:
    """The ids of the records of a noun that have these names; names that none has are left out."""
    rows = await session.execute(
        select(external_id.c.system, external_id.c.external_id, external_id.c.resource_id).where(
            external_id.c.noun == noun, tuple_(external_id.c.system, external_id.c.external_id).in_(set(names))
        )
    )
    return {(row.system, row.external_id): row.resource_id for row in rows}
