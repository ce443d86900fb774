"""SQL that reads groups."""

from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY

from rotunda_gateway.access.groups.model import Group
from rotunda_gateway.access.users.model import User

user = User.__table__
group = Group.__table__


def role_ids() -> ColumnElement[list[UUID]]:
    """All roles of a user: his own, and those of his groups."""
    of_group = func.unnest(group.c.role_ids).table_valued("role_id").render_derived(name="of_group")
    by_groups = (
        select(func.coalesce(func.array_agg(of_group.c.role_id), literal_column("'{}'::uuid[]")))
        .select_from(group.join(of_group, literal_column("true")))
        .where(group.c.id == func.any(user.c.group_ids), group.c.delete_time.is_(None))
        .correlate(user)
        .scalar_subquery()
    )
    return func.array_cat(user.c.role_ids, by_groups, type_=ARRAY(Uuid))
