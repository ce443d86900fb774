"""How a pipeline takes in its stages."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update

from rotunda.sales.v1 import pipeline_service_pb2 as pb
from rotunda_kit.audit.changes import plain
from rotunda_kit.descriptors import json_path
from rotunda_kit.errors import FailedPrecondition, FieldViolation, InvalidArgument
from rotunda_kit.model import new_id, now
from rotunda_kit.server.call import Command
from rotunda_sales.pipelines import queries
from rotunda_sales.pipelines.model import ForecastCategory, Pipeline
from rotunda_sales.pipelines.queries import stage

_CATEGORIES = {
    pb.FORECAST_CATEGORY_UNSPECIFIED: ForecastCategory.PIPELINE,
    pb.FORECAST_CATEGORY_PIPELINE: ForecastCategory.PIPELINE,
    pb.FORECAST_CATEGORY_BEST_CASE: ForecastCategory.BEST_CASE,
    pb.FORECAST_CATEGORY_COMMIT: ForecastCategory.COMMIT,
    pb.FORECAST_CATEGORY_OMITTED: ForecastCategory.OMITTED,
}


async def set_stages(call: Command, pipeline: Pipeline, message: pb.Pipeline) -> bool:
    """Make the stages of a pipeline those of the message.

    A stage that is sent without an id is the one of the same name, if there is one, so that a load can be repeated.

    Raises:
        InvalidArgument: two have the same name or id, or one has the id of another pipeline's stage.
        FailedPrecondition: STAGE_IN_USE, one that goes has opportunities.
    """
    call.session.add(pipeline)
    await call.work.flush()
    rows = (await call.session.execute(select(stage).where(stage.c.pipeline_id == pipeline.id))).mappings().all()
    known = {row["id"]: dict(row) for row in rows}
    claimed = {UUID(given.id) for given in message.stages if given.id}
    by_name = {row["display_name"]: row["id"] for row in rows if row["id"] not in claimed}
    elsewhere = await _stages_elsewhere(call, pipeline, claimed)
    wanted: dict[UUID, dict[str, Any]] = {}
    wrong = []
    names: set[str] = set()
    for at, given in enumerate(message.stages):
        stage_id = UUID(given.id) if given.id else by_name.get(given.display_name) or new_id()
        if given.display_name in names:
            wrong.append(FieldViolation(f"pipeline.stages[{at}].display_name", "is the name of another stage too"))
        if given.id and stage_id in wanted:
            wrong.append(FieldViolation(f"pipeline.stages[{at}].id", "is the id of another stage too"))
        if stage_id in elsewhere:
            wrong.append(FieldViolation(f"pipeline.stages[{at}].id", "is the id of a stage of another pipeline"))
        names.add(given.display_name)
        wanted[stage_id] = {
            "id": stage_id,
            "pipeline_id": pipeline.id,
            "position": at,
            "display_name": given.display_name,
            "probability": given.probability,
            "forecast_category": _CATEGORIES[given.forecast_category],
        }
    if wrong:
        raise InvalidArgument(wrong)
    return await _write(call, pipeline, known, wanted)


async def _stages_elsewhere(call: Command, pipeline: Pipeline, ids: set[UUID]) -> set[UUID]:
    found = await call.session.scalars(
        select(stage.c.id).where(stage.c.id.in_(ids), stage.c.pipeline_id != pipeline.id)
    )
    return set(found)


async def _write(
    call: Command, pipeline: Pipeline, known: dict[UUID, dict[str, Any]], wanted: dict[UUID, dict[str, Any]]
) -> bool:
    gone = [stage_id for stage_id in known if stage_id not in wanted]
    added = [row for stage_id, row in wanted.items() if stage_id not in known]
    changed = [row for stage_id, row in wanted.items() if stage_id in known and known[stage_id] != row]
    if gone:
        if (await call.session.execute(queries.used_stages(gone))).first():
            raise FailedPrecondition("STAGE_IN_USE", "A stage that would be removed has opportunities.")
        await call.session.execute(delete(stage).where(stage.c.id.in_(gone)))
    if added:
        await call.session.execute(insert(stage), added)
    for row in changed:
        await call.session.execute(update(stage).where(stage.c.id == row["id"]).values(row))
    if not (gone or added or changed):
        return False
    call.work.note_part(pipeline, "stages", _told(known), _told(wanted))
    if known:
        # Stages are part of their pipeline: a change of theirs is one of it.
        pipeline.update_time = now()
    return True


def _told(rows: dict[UUID, dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Stages in their order, as the audit trail tells of them."""
    told = ("display_name", "probability", "forecast_category")
    in_order = sorted(rows.values(), key=lambda row: row["position"])
    return [{"id": str(row["id"])} | {json_path(name): plain(row[name]) for name in told} for row in in_order] or None
