"""SQL that reads opportunities."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, case, literal, select, type_coerce

from rotunda_sales.opportunities.model import Opportunity
from rotunda_sales.pipelines.model import Pipeline, Stage
from rotunda_sales.references import AccountReference, UserReference

opportunity = Opportunity.__table__
stage = Stage.__table__
pipeline = Pipeline.__table__
account = AccountReference.__table__.alias("account")
owner = UserReference.__table__.alias("owner")

_state = type_coerce(opportunity.c.state, Text)


def probability() -> ColumnElement[int]:
    """In per cent: of the stage while open, 100 once won, 0 once lost or cancelled."""
    return case((_state == "OPEN", stage.c.probability), (_state == "WON", 100), else_=0)


def forecast_category() -> ColumnElement[Any]:
    """Of the stage while open, COMMIT once won, OMITTED once lost or cancelled."""
    category = type_coerce(stage.c.forecast_category, Text)
    return case((_state == "OPEN", category), (_state == "WON", literal("COMMIT")), else_=literal("OMITTED"))


def lives(pipeline_id: UUID) -> Select[Any]:
    """A pipeline, if it is not deleted; until the end of the transaction it won't be."""
    is_it = select(pipeline.c.id).where(pipeline.c.id == pipeline_id, pipeline.c.delete_time.is_(None))
    return is_it.with_for_update(read=True)


def stages_of_all_pipelines() -> Select[Any]:
    """Every stage with its pipeline: the default pipeline's first, each pipeline's in their order.

    Until the end of the transaction none of the pipelines is deleted.
    """
    return (
        select(stage.c.id, stage.c.pipeline_id)
        .join_from(stage, pipeline)
        .where(pipeline.c.delete_time.is_(None))
        .order_by(pipeline.c.default_pipeline.desc(), stage.c.pipeline_id, stage.c.position)
        # As a reference to it locks it: opportunities that begin don't wait for each other.
        .with_for_update(read=True, key_share=True, of=pipeline)
    )
