"""How an opportunity begins."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from rotunda.sales.v1 import opportunity_service_pb2 as pb
from rotunda_kit.errors import InvalidArgument
from rotunda_kit.server.call import Command
from rotunda_sales.opportunities import queries
from rotunda_sales.opportunities.model import Opportunity, StageMove


@dataclass(slots=True)
class Ways:
    """The ways that opportunities may go: which stage belongs to which pipeline, and where each pipeline begins."""

    default_pipeline_id: UUID
    pipeline_of: dict[UUID, UUID] = field(default_factory=dict)
    first_stage: dict[UUID, UUID] = field(default_factory=dict)


async def open_opportunity(call: Command, request: pb.CreateOpportunityRequest, values: dict[str, Any]) -> Opportunity:
    """A new opportunity: the caller's, in the default pipeline's first stage, unless the request says otherwise.

    Raises:
        InvalidArgument: on `stage_id`, the stage is none of the pipeline.
    """
    ways = await _ways(call)
    pipeline_id: UUID = values.get("pipeline_id") or ways.default_pipeline_id
    stage_id = UUID(request.stage_id) if request.stage_id else ways.first_stage.get(pipeline_id)
    if stage_id is None:
        # It was there when the request was checked, and was deleted since.
        raise InvalidArgument.of("opportunity.pipeline_id", "there is no pipeline with this id")
    if ways.pipeline_of.get(stage_id) != pipeline_id:
        raise InvalidArgument.of("stage_id", "is no stage of the opportunity's pipeline")
    caller = call.principal.subject
    record = Opportunity(**{"owner_id": UUID(caller), **values, "pipeline_id": pipeline_id, "stage_id": stage_id})
    call.session.add(StageMove(opportunity_id=record.id, to_stage_id=stage_id, actor=caller))
    return record


async def _ways(call: Command) -> Ways:
    """Pipelines are few: a transaction reads them once, however many deals it opens."""
    known: Ways | None = call.session.info.get("ways")
    if known is None:
        rows = (await call.session.execute(queries.stages_of_all_pipelines())).all()
        known = call.session.info["ways"] = Ways(default_pipeline_id=rows[0].pipeline_id)
        for row in rows:
            known.pipeline_of[row.id] = row.pipeline_id
            known.first_stage.setdefault(row.pipeline_id, row.id)
    return known
