"""Chance that repeats itself: sources of it seeded by name, and moments in office hours."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random

from faker import Faker

SEED = "crm-sales 2016–2017"
FIRST_DAY, LAST_DAY = date(2016, 1, 4), date(2017, 12, 29)
LAST_MOMENT = datetime(2017, 12, 31, 23, 0, tzinfo=UTC)


def chance(*names: str) -> Random:
    """A source of chance of its own for what the names name, for example an account's tickets."""
    return Random("/".join((SEED, *names)))


def people(*names: str) -> Faker:
    """Faker, seeded for what the names name. There is one: it holds until the next call."""
    faker = _faker()
    faker.seed_instance("/".join((SEED, *names)))
    return faker


@cache
def _faker() -> Faker:
    # Building one reads all its word lists, which takes longer than everything that is made with it.
    return Faker("en_US")


def office_hour(rng: Random, first: date, last: date) -> datetime:
    """A moment from first to last, both included, between 13:00 and 21:59 UTC (office hours in New York).

    On a working day, unless there is none between them.
    """
    on = first + timedelta(days=rng.randint(0, max((last - first).days, 0)))
    weekend = on.weekday() - 4
    if weekend > 0:
        friday, monday = on - timedelta(days=weekend), on + timedelta(days=3 - weekend)
        on = friday if friday >= first else monday if monday <= last else on
    return datetime(on.year, on.month, on.day, 13, tzinfo=UTC) + timedelta(minutes=rng.randrange(9 * 60))


def later(rng: Random, than: datetime, hours: int) -> datetime:
    """A moment up to so many hours later, at least one, but not after 2017."""
    return min(than + timedelta(minutes=rng.randint(60, hours * 60)), LAST_MOMENT)
