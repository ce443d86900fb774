"""The rules of roles: those that came with the product stay as they are."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from rotunda_gateway.access.database import Base
from rotunda_kit.errors import FailedPrecondition
from rotunda_kit.model import Resource, living, now, type_json


class Role(Resource, Base):
    """What its holders may do."""

    __noun__ = "access.role"

    display_name: Mapped[str]
    description: Mapped[str | None] = mapped_column(default=None)
    grants: Mapped[list[type_json]] = mapped_column(default_factory=list)
    field_restrictions: Mapped[list[type_json]] = mapped_column(default_factory=list)
    shipped: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (living("role_display_name_idx", "display_name", "id"),)

    def change(self, values: Mapping[str, Any]) -> bool:
        """Change a role of the organisation's own.

        Raises:
            FailedPrecondition: ROLE_SHIPPED.
        """
        if any(getattr(self, name) != value for name, value in values.items()):
            self._must_be_own()
        return super().change(values)

    def delete(self, at: Callable[[], datetime] = now) -> None:
        """Take it away from its holders.

        Raises:
            FailedPrecondition: ROLE_SHIPPED.
        """
        self._must_be_own()
        super().delete(at)

    def _must_be_own(self) -> None:
        if self.shipped:
            raise FailedPrecondition("ROLE_SHIPPED", "The role came with the product: change a copy of it.")
