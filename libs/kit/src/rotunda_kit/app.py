"""A service at one glance: its servicers, its copies of others' records, and how it reacts to them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import MetaData, Table, TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from rotunda_kit.access.audiences import AudienceServicer
from rotunda_kit.access.copies import COPIES, REACTIONS
from rotunda_kit.access.ownership import Ownership, can_be_shared, ownership
from rotunda_kit.access.permissions import resource_of
from rotunda_kit.access.shares.model import Share
from rotunda_kit.access.shares.service import share_servicer
from rotunda_kit.audit.service import audit_servicer
from rotunda_kit.custom_fields.model import CustomField, Customizable
from rotunda_kit.custom_fields.service import custom_field_servicer
from rotunda_kit.db import migrations
from rotunda_kit.db.engine import Database
from rotunda_kit.db.restored import lift
from rotunda_kit.db.tables import kit_metadata
from rotunda_kit.dead_letters.service import dead_letter_servicer
from rotunda_kit.events.reactions import Reaction
from rotunda_kit.events.references import Copy, ReferenceCopy
from rotunda_kit.model import Resource
from rotunda_kit.resource.publication import nouns, publication_of
from rotunda_kit.resource.references import ReferenceCheck, nouns_in
from rotunda_kit.server.method import Servicer


@dataclass(frozen=True)
class Furnishing:
    """What a service must find in its database, and `migrate` puts there.

    Args:
        put: makes it what this release has; does nothing where it is.
        missing: names what is not there at all, none if empty. What is different counts as there: of two releases that
            run side by side in an upgrade, none may wait for its own.
    """

    put: Callable[[Database], Awaitable[None]]
    missing: Callable[[AsyncConnection], Awaitable[str]]


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
        housekeeping: statements that delete what has had its time, at most `:batch` rows each.
        furnishing: what must be in a migrated database beside its tables.
        after_restore: what else is to be done where a database was restored to an earlier state.
    """

    name: str
    metadata: MetaData
    migrations: Path
    servicers: Sequence[type[Servicer]]
    copies: Sequence[ReferenceCopy] = ()
    reactions: Sequence[Reaction] = field(default=())
    housekeeping: Sequence[TextClause] = ()
    furnishing: Furnishing | None = None
    after_restore: Callable[[Database], Awaitable[None]] | None = None

    @property
    def tables(self) -> list[Table]:
        """All tables of its database."""
        return [*self.metadata.tables.values(), *kit_metadata.tables.values()]

    @property
    def models(self) -> list[type[Resource]]:
        """The mapped classes of its nouns."""
        return [model for noun, model in nouns().items() if noun.startswith(f"{self.name}.")]

    @property
    def customizable(self) -> list[type[Resource]]:
        """Those of them whose records can have custom fields."""
        return [model for model in self.models if issubclass(model, Customizable)]

    def all_reactions(self) -> dict[str, list[Reaction]]:
        """Reactions by the service that they listen to."""
        by_source: dict[str, list[Reaction]] = {}
        for reaction in [*(copy.reaction() for copy in self.copies), *REACTIONS, *self.reactions]:
            by_source.setdefault(reaction.noun.split(".")[0], []).append(reaction)
        return by_source

    async def migrate(self, url: str) -> None:
        """Bring a database to the newest version, with what must be in it."""
        await migrations.migrate(url, migrations.config(self.migrations, [self.metadata]))
        if self.furnishing is not None:
            database = Database(url, 1)
            try:
                await self.furnishing.put(database)
            finally:
                await database.close()

    async def restored(self, url: str) -> None:
        """Prepare a database that was restored to an earlier state: nobody shall take what comes for what was lost."""
        database = Database(url, 1)
        try:
            await lift(database, [*self.models, Share, CustomField])
            if self.after_restore is not None:
                await self.after_restore(database)
        finally:
            await database.close()

    async def await_migrations(self, url: str, timeout: float) -> None:  # noqa: ASYNC109 - tells what it waited for
        """Return when a database has the version that this release needs, and what must be in it.

        Raises:
            TimeoutError: it does not have it after so many seconds.
        """
        unfurnished = self.furnishing.missing if self.furnishing else None
        settings = migrations.config(self.migrations, [self.metadata])
        await migrations.await_migrations(url, settings, timeout, unfurnished)

    @property
    def all_copies(self) -> list[Copy]:
        """Every kind of copy that it keeps, those that its checks of access need too."""
        return [*self.copies, *COPIES]

    def ownerships(self) -> dict[str, Ownership]:
        """To whom the records of its nouns belong, of those that belong to someone."""
        own = self._own_nouns()
        tables = {copy.noun: copy.table for copy in self.copies} | own
        messages = {noun: publication_of(nouns()[noun]).mapping.descriptor for noun in own}
        found = {
            noun: ownership(noun, messages[noun], table, tables, messages, publication_of(nouns()[noun]).within)
            for noun, table in own.items()
        }
        return {noun: belongs for noun, belongs in found.items() if belongs is not None}

    def all_servicers(self) -> list[type[Servicer]]:
        """What answers its methods, those of the kit's contracts too."""
        messages = {noun: publication_of(nouns()[noun]).mapping.descriptor for noun in self.ownerships()}
        resources = {noun: resource_of(message) for noun, message in messages.items() if can_be_shared(message)}
        contracts = [
            dead_letter_servicer(self.name, self.all_reactions()),
            audit_servicer(self.name),
            AudienceServicer,
        ]
        if resources:
            contracts.append(share_servicer(self.name, resources))
        if self.customizable:
            contracts.append(custom_field_servicer(self.name, [model.__noun__ for model in self.customizable]))
        return [*self.servicers, *contracts]

    def _own_nouns(self) -> dict[str, Table]:
        prefix = f"{self.name}."
        return {noun: model.__table__ for noun, model in nouns().items() if noun.startswith(prefix)}  # type: ignore[attr-defined]

    def reference_check(self) -> ReferenceCheck:
        """Knows which records exist.

        Raises:
            TypeError: a request of this service may name a record of which it keeps no copy.
        """
        check = ReferenceCheck(self._own_nouns(), self.copies)
        for servicer in self.all_servicers():
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
