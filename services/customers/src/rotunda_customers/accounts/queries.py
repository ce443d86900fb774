"""SQL that reads accounts."""

from sqlalchemy import ColumnElement, func, select

from rotunda_customers.accounts.model import Account
from rotunda_customers.references import UserReference

account = Account.__table__
owner = UserReference.__table__.alias("owner")
parent = account.alias("parent")


def subsidiary_count() -> ColumnElement[int]:
    """How many living accounts stand directly below an account."""
    child = account.alias("child")
    return (
        select(func.count())
        .select_from(child)
        .where(child.c.parent_account_id == account.c.id, child.c.delete_time.is_(None))
        .scalar_subquery()
    )
