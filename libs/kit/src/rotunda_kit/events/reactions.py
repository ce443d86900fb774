"""What a service does when it hears others: reactions, declared beside the noun that they are about."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from rotunda_kit.events.envelope import Event

Handler = Callable[[Sequence[Event], AsyncSession], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reaction:
    """Runs in the consumer's transaction, once an event: the inbox deduplicates.

    `noun` is `service.noun`; `verbs` are past tense, empty for all. The handler takes a batch in the order of arrival,
    must not rely on
    that order across batches, and must not call other services.
    """

    noun: str
    verbs: frozenset[str]
    handle: Handler

    def wants(self, event: Event) -> bool:
        """Whether it reacts to this event."""
        return event.noun == self.noun and (not self.verbs or event.verb in self.verbs)


def on(*types: str) -> Callable[[Handler], Reaction]:
    """Declare a reaction to event types of one noun, for example `@on("customers.account.merged")`."""
    nouns = {name.rpartition(".")[0] for name in types}
    if len(nouns) != 1:
        raise ValueError(f"a reaction is about one noun, not {sorted(nouns)}")
    (noun,) = nouns
    return lambda handler: Reaction(noun, frozenset(name.rpartition(".")[2] for name in types), handler)
