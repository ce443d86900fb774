"""The mapped classes that every service has."""

from sqlalchemy.orm import DeclarativeBase

from rotunda_kit.db.tables import kit_metadata
from rotunda_kit.model import ModelBase


class KitBase(ModelBase, DeclarativeBase):
    """What they derive from."""

    metadata = kit_metadata
