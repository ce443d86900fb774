"""The base of this service's mapped classes."""

from sqlalchemy.orm import DeclarativeBase

from rotunda_kit.model import ModelBase, own_metadata


class Base(ModelBase, DeclarativeBase):
    """Tables of the sync database."""

    metadata = own_metadata()
