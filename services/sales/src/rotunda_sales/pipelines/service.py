"""The methods of pipelines."""

from sqlalchemy import func, select

from rotunda.sales.events.v1 import pipeline_event_pb2 as events_pb
from rotunda.sales.v1 import pipeline_service_pb2 as pb
from rotunda_kit.errors import FailedPrecondition
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Servicer
from rotunda_sales.pipelines import queries
from rotunda_sales.pipelines.model import Pipeline
from rotunda_sales.pipelines.stages import set_stages


async def exactly_one_default(call: Command, record: Pipeline) -> None:
    """A new default takes the place of the old one; the default can't just cease to be it.

    Raises:
        FailedPrecondition: PIPELINE_IS_DEFAULT.
    """
    await call.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("default pipeline", 0))))
    await call.work.flush()
    others = await call.session.scalars(
        select(Pipeline)
        .where(Pipeline.default_pipeline, Pipeline.id != record.id, Pipeline.delete_time.is_(None))
        .with_for_update()
    )
    found = others.all()
    if record.default_pipeline:
        for other in found:
            other.change({"default_pipeline": False})
    elif not found:
        raise FailedPrecondition("PIPELINE_IS_DEFAULT", "Make another pipeline the default instead.")


async def not_needed(call: Command, record: Pipeline) -> None:
    """Refuse to delete the default, and one that opportunities go along.

    Raises:
        FailedPrecondition: PIPELINE_IS_DEFAULT or PIPELINE_IN_USE.
    """
    if record.default_pipeline:
        raise FailedPrecondition("PIPELINE_IS_DEFAULT", "Make another pipeline the default first.")
    if await call.session.scalar(queries.in_use(record.id)):
        raise FailedPrecondition("PIPELINE_IN_USE", "Opportunities go along this pipeline.")


pipelines = Collection(
    Pipeline,
    pb.Pipeline,
    event=events_pb.PipelineEvent,
    derived={"stages": queries.stages()},
    by_hand={"stages": set_stages},
    guards=[exactly_one_default],
)


class PipelineService(Servicer, service="rotunda.sales.v1.PipelineService"):
    """The ways that opportunities go."""

    GetPipeline = pipelines.get()
    ListPipelines = pipelines.list()
    CreatePipeline = pipelines.create()
    UpdatePipeline = pipelines.update()
    DeletePipeline = pipelines.delete(not_needed)
    UndeletePipeline = pipelines.undelete()
    BatchCreatePipelines = pipelines.batch_create()
    BatchUpdatePipelines = pipelines.batch_update()
