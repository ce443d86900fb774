"""SQL that reads contacts."""

from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, func, or_, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from rotunda_customers.contacts.model import Contact

contact = Contact.__table__


def belongs_to(account_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Whether somebody belongs to an account, as the primary one or another, or did."""
    role = func.jsonb_build_array(func.jsonb_build_object("account_id", cast(account_id, Text)))
    roles = type_coerce(contact.c.account_roles, JSONB)
    return or_(contact.c.account_id == account_id, roles.contains(type_coerce(role, JSONB)))
