"""SQL that reads accounts."""

from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select

from rotunda_customers.accounts.model import Account
from rotunda_customers.contacts.model import Contact
from rotunda_customers.references import UserReference

account = Account.__table__
owner = UserReference.__table__.alias("owner")
parent = account.alias("parent")
primary_contact = Contact.__table__.alias("primary_contact")


def subsidiary_count() -> ColumnElement[int]:
    """How many living accounts stand directly below an account."""
    child = account.alias("child")
    return (
        select(func.count())
        .select_from(child)
        .where(child.c.parent_account_id == account.c.id, child.c.delete_time.is_(None))
        .scalar_subquery()
    )


def contact_at_rest(contact_id: UUID) -> Select[Contact]:
    """A living contact, that nobody changes until the end of the transaction."""
    return select(Contact).where(Contact.id == contact_id, Contact.delete_time.is_(None)).with_for_update(read=True)
