"""What services have in common that keep copies of accounts."""

from sqlalchemy import ColumnElement, FromClause, false, func

BLOCKED = "BLOCKED"


def is_blocked(account: FromClause) -> ColumnElement[bool]:
    """Whether the ERP has blocked an account, by the `credit_status` of its copy: no orders, but quotes."""
    blocked: ColumnElement[bool] = func.coalesce(account.c.credit_status == BLOCKED, false())
    return blocked
