"""Taking events in: inbox rows and effects, in one transaction."""

from collections.abc import Sequence

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_kit.events.envelope import Event
from rotunda_kit.events.reactions import Reaction

# One statement whatever the size of the batch: planned once.
_TAKE_IN = (
    text(
        "INSERT INTO inbox (consumer, event_id) SELECT :consumer, unnest(:event_ids)"
        " ON CONFLICT DO NOTHING RETURNING event_id"
    )
    .bindparams(bindparam("event_ids", type_=ARRAY(Uuid)))
    .columns(event_id=Uuid)
)


def durable_of(service: str, source: str) -> str:
    """Name of the durable consumer by which a service hears another: `service-desk-from-customers`."""
    return f"{service}-from-{source}".replace("_", "-")


class Intake:
    """Takes one other service's events in, each once.

    Args:
        consumer: the durable's name, under which the inbox knows what was taken in.
        reactions: to the events.
    """

    def __init__(self, consumer: str, reactions: Sequence[Reaction]) -> None:
        self.consumer = consumer
        self._reactions = list(reactions)

    async def apply(self, session: AsyncSession, events: Sequence[Event]) -> int:
        """Take in those that were not before; returns how many that were. Belongs into a transaction."""
        fresh = await self._first_time(session, events)
        for reaction in self._reactions:
            wanted = [event for event in fresh if reaction.wants(event)]
            if wanted:
                await reaction.handle(wanted, session)
        return len(fresh)

    async def _first_time(self, session: AsyncSession, events: Sequence[Event]) -> list[Event]:
        """Those events that this consumer has not taken in before."""
        by_id = {event.id: event for event in events}
        taken = await session.scalars(_TAKE_IN, {"consumer": self.consumer, "event_ids": list(by_id)})
        first = set(taken)
        return [event for event_id, event in by_id.items() if event_id in first]
