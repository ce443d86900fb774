"""The rules of custom fields."""

import re
from collections.abc import Iterator
from enum import StrEnum

from sqlalchemy.orm import Mapped, MappedAsDataclass, declared_attr, mapped_column

from rotunda_kit.db.kit_base import KitBase
from rotunda_kit.errors import FieldViolation
from rotunda_kit.model import Resource, living, type_json

# As in JSON and in filters: `customFields.riskClass`.
_NAME = re.compile(r"[a-z][A-Za-z0-9]{0,62}")
MOST_CHOICES = 500


class CustomFieldType(StrEnum):
    """What the values of a custom field are."""

    TEXT = "TEXT"
    INTEGER = "INTEGER"
    DECIMAL = "DECIMAL"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIME = "TIME"
    CHOICE = "CHOICE"
    CHOICES = "CHOICES"
    URL = "URL"
    EMAIL = "EMAIL"
    PHONE = "PHONE"


OF_CHOICES = frozenset({CustomFieldType.CHOICE, CustomFieldType.CHOICES})


class CustomField(Resource, KitBase):
    """A field that records of one of this service's nouns may have."""

    __noun__ = "kit.custom_field"

    record_type: Mapped[str]
    name: Mapped[str]
    type: Mapped[CustomFieldType]
    display_name: Mapped[str]
    description: Mapped[str | None] = mapped_column(default=None)
    required: Mapped[bool] = mapped_column(default=False)
    choices: Mapped[list[str]] = mapped_column(default_factory=list)

    __table_args__ = (
        living(
            "custom_field_record_type_name_key",
            "record_type",
            "name",
            unique=True,
            info={"reason": "CUSTOM_FIELD_EXISTS", "field": "name"},
        ),
    )

    def violations(self) -> Iterator[FieldViolation]:
        """Its name can stand in filters, and who chooses has something to choose from."""
        if not _NAME.fullmatch(self.name):
            yield FieldViolation("name", "must begin with a small letter, and hold letters and digits only, at most 63")
        if self.type not in OF_CHOICES:
            if self.choices:
                yield FieldViolation("choices", "are of the types CHOICE and CHOICES only")
            return
        if not self.choices:
            yield FieldViolation("choices", "must be set for this type")
        for at, choice in enumerate(self.choices):
            if not choice:
                yield FieldViolation(f"choices[{at}]", "must not be empty")
            elif choice in self.choices[:at]:
                yield FieldViolation(f"choices[{at}]", "stands here twice")


class Customizable(MappedAsDataclass, kw_only=True):
    """What a mapped class derives from so that its records can have custom fields."""

    @declared_attr
    def custom_fields(cls) -> Mapped[type_json | None]:  # noqa: N805 - SQLAlchemy calls it on the class
        """Values by the ids of their definitions: a name can be given again, an id can't. None where there are none."""
        return mapped_column(default=None, sort_order=100)
