"""SQL that reads pipelines and their stages."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, cast, exists, func, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from rotunda_sales.opportunities.model import Opportunity
from rotunda_sales.pipelines.model import Pipeline, Stage

pipeline = Pipeline.__table__
stage: Any = Stage.__table__
opportunity = Opportunity.__table__


def stages() -> ColumnElement[Any]:
    """A pipeline's stages in their order, as the message keeps them."""
    one = func.jsonb_build_object(
        "id",
        cast(stage.c.id, Text),
        "display_name",
        stage.c.display_name,
        "probability",
        stage.c.probability,
        "forecast_category",
        func.concat("FORECAST_CATEGORY_", type_coerce(stage.c.forecast_category, Text)),
    )
    listed = func.jsonb_agg(aggregate_order_by(one, stage.c.position))
    return type_coerce(
        select(listed).where(stage.c.pipeline_id == pipeline.c.id).correlate(pipeline).scalar_subquery(), JSONB
    )


def used_stages(ids: list[UUID]) -> Select[tuple[UUID]]:
    """Those of the stages in which an opportunity is, or was when it was closed."""
    return select(stage.c.id).where(stage.c.id.in_(ids), exists().where(opportunity.c.stage_id == stage.c.id))


def in_use(pipeline_id: UUID) -> Select[tuple[bool]]:
    """Whether a living opportunity goes along a pipeline."""
    return select(exists().where(opportunity.c.pipeline_id == pipeline_id, opportunity.c.delete_time.is_(None)))
