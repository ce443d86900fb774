"""The base of the mapped classes of access."""

from sqlalchemy.orm import DeclarativeBase

from rotunda_kit.model import ModelBase, own_metadata


class Base(ModelBase, DeclarativeBase):
    """Tables of the access database."""

    metadata = own_metadata()
