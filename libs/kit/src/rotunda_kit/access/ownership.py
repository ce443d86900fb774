"""To whom the records of a noun belong, as columns: what scopes and shares turn into conditions on."""

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor
from sqlalchemy import ColumnElement, Table

from rotunda_kit.access.permissions import ownership_of
from rotunda_kit.descriptors import rules

ACCOUNT = "customers.account"


@dataclass(frozen=True, slots=True)
class Ownership:
    """The columns of one noun's table that say to whom a record belongs; see `rotunda.kit.v1.Ownership`.

    `accounts` is the table, own or copied, where the territory of an account stands; `whole` is the ownership of what a
    record is a part of.
    """

    noun: str
    table: Table
    owner: ColumnElement[object] | None = None
    territory: ColumnElement[object] | None = None
    account: ColumnElement[object] | None = None
    accounts: Table | None = None
    parent: ColumnElement[object] | None = None
    whole: "Ownership | None" = None

    @property
    def names(self) -> frozenset[str]:
        """The columns that say it; a record that changes in one of them may come to belong to another."""
        columns = (self.owner, self.territory, self.account, self.parent)
        return frozenset(column.key for column in columns if column is not None and column.key is not None)


def can_be_shared(message: Descriptor) -> bool:
    """Whether single records that a message shows can be shared."""
    declared = ownership_of(message)
    return declared is not None and not declared.private


def ownership(
    noun: str,
    message: Descriptor,
    table: Table,
    tables: Mapping[str, Table],
    wholes: Mapping[str, Descriptor],
    parent: str = "",
) -> Ownership | None:
    """The ownership that a message declares; None if its records belong to the organisation.

    Args:
        noun: whose records.
        message: of the noun.
        table: with its records, or copies of them.
        tables: by noun, the service's own and its copies.
        wholes: messages by noun, of this service.
        parent: the noun that the field `parent` names, where the field does not say it.
    """
    declared = ownership_of(message)
    if declared is None:
        return None
    whole = None
    if declared.parent:
        of = rules(message.fields_by_name[declared.parent]).refers_to or parent
        whole = ownership(of, wholes[of], tables[of], tables, wholes)
    return Ownership(
        noun,
        table,
        owner=table.c[declared.owner] if declared.owner else None,
        territory=table.c[declared.territory] if declared.territory else None,
        account=table.c[declared.account] if declared.account else None,
        accounts=tables.get(ACCOUNT) if declared.account else None,
        parent=table.c[declared.parent] if declared.parent else None,
        whole=whole,
    )
