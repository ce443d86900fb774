"""SQL that reads contacts."""

from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, func, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from rotunda_customers.contacts.model import Contact

contact = Contact.__table__


def has_a_role_at(account_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Whether somebody has a role at an account, or had one."""
    role = func.jsonb_build_array(func.jsonb_build_object("account_id", cast(account_id, Text)))
    has_it: ColumnElement[bool] = type_coerce(contact.c.account_roles, JSONB).contains(type_coerce(role, JSONB))
    return has_it
