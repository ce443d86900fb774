"""The base of the mapped classes of access."""

from rotunda_kit.model import ModelBase, own_metadata
from sqlalchemy.orm import DeclarativeBase


class Base(ModelBase, DeclarativeBase):
    """Tables of the access database."""

    metadata = own_metadata()
