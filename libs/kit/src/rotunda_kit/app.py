"""A service at one glance: its servicers, its copies of others' records, and how it reacts to them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import MetaData, Table

from rotunda_kit.db.tables import kit_metadata
from rotunda_kit.dead_letters.service import dead_letter_servicer
from rotunda_kit.events.reactions import Reaction
from rotunda_kit.events.references import ReferenceCopy
from rotunda_kit.resource.publication import nouns
from rotunda_kit.resource.references import ReferenceCheck, nouns_in
from rotunda_kit.server.method import Servicer


@dataclass(frozen=True)
class Service:
    """The one visible list of what a service consists of.

    Args:
        name: as in the proto package, for example `service_desk`.
        metadata: of its mapped classes.
        migrations: folder with its Alembic versions.
        servicers: what answers its methods.
        copies: reference copies that it keeps.
        reactions: what else it does when it hears others.
    """

    name: str
    metadata: MetaData
    migrations: Path
    servicers: Sequence[type[Servicer]]
    copies: Sequence[ReferenceCopy] = ()
    reactions: Sequence[Reaction] = field(default=())

    @property
    def tables(self) -> list[Table]:
        """All tables of its database."""
        return [*self.metadata.tables.values(), *kit_metadata.tables.values()]

    def all_servicers(self) -> list[type[Servicer]]:
        """Its own, and those that every service has."""
        return [*self.servicers, dead_letter_servicer(self.name, self.all_reactions())]

    def all_reactions(self) -> dict[str, list[Reaction]]:
        """Reactions by the service that they listen to."""
        by_source: dict[str, list[Reaction]] = {}
        for reaction in [*(copy.reaction() for copy in self.copies), *self.reactions]:
            by_source.setdefault(reaction.noun.split(".")[0], []).append(reaction)
        return by_source

    def reference_check(self) -> ReferenceCheck:
        """Knows which records exist.

        Raises:
            TypeError: a request of this service may name a record of which it keeps no copy.
        """
        own = {noun: model.__table__ for noun, model in nouns().items() if noun.startswith(f"{self.name}.")}  # type: ignore[attr-defined]
        check = ReferenceCheck(own, self.copies)
        for servicer in self.servicers:
            for method in servicer.descriptor.methods:
                for noun in nouns_in(method.input_type):
                    if not check.knows(noun):
                        raise TypeError(f"{method.full_name} refers to {noun}, of which {self.name} keeps no copy")
        return check


def migrations_of(package_file: str) -> Path:
    """Where a service's Alembic versions are.

    Args:
        package_file: `__file__` of a module in the service's package: they stand beside `src` in the source tree, and
        inside of the package
            where it is installed from a wheel.
    """
    package = Path(package_file).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parents[1] / "migrations"
