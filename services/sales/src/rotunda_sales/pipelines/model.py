"""Pipelines and their stages."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from rotunda_kit.model import Resource, living, new_id
from rotunda_sales.database import Base


class ForecastCategory(StrEnum):
    """How an opportunity counts in a forecast."""

    PIPELINE = "PIPELINE"
    BEST_CASE = "BEST_CASE"
    COMMIT = "COMMIT"
    OMITTED = "OMITTED"


class Pipeline(Resource, Base):
    """A way that opportunities go, stage by stage."""

    __noun__ = "sales.pipeline"

    display_name: Mapped[str]
    default_pipeline: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (living("pipeline_display_name_idx", "display_name", "id"),)


class Stage(Base):
    """One step of a pipeline; part of it, with no life of its own."""

    __tablename__ = "stage"

    pipeline_id: Mapped[UUID] = mapped_column(ForeignKey("pipeline.id"), index=True)
    position: Mapped[int]
    display_name: Mapped[str]
    probability: Mapped[int]
    forecast_category: Mapped[ForecastCategory]
    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=new_id)
