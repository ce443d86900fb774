"""The base of this service's mapped classes."""

from rotunda_kit.model import ModelBase, own_metadata
from sqlalchemy.orm import DeclarativeBase


class Base(ModelBase, DeclarativeBase):
    """Tables of the customers database."""

    metadata = own_metadata()
