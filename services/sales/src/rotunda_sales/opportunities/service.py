"""The methods of opportunities."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from rotunda.sales.events.v1 import opportunity_event_pb2 as events_pb
from rotunda.sales.v1 import opportunity_service_pb2 as pb
from rotunda_kit.accounts import is_blocked
from rotunda_kit.errors import FailedPrecondition, InvalidArgument
from rotunda_kit.resource.collection import Collection
from rotunda_kit.resource.values import day
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Servicer
from rotunda_sales.close_reasons.service import close_reason
from rotunda_sales.opportunities import queries
from rotunda_sales.opportunities.model import Opportunity, StageMove
from rotunda_sales.opportunities.opening import open_opportunity
from rotunda_sales.opportunities.queries import account, opportunity, owner, stage
from rotunda_sales.pipelines.model import Stage


async def _stage(call: Command, stage_id: str) -> Stage:
    found = await call.session.get(Stage, UUID(stage_id))
    if found is None:
        raise InvalidArgument.of("stage_id", "there is no stage with this id")
    return found


opportunities = Collection(
    Opportunity,
    pb.Opportunity,
    event=events_pb.OpportunityEvent,
    derived={
        "account_display_name": account.c.display_name,
        "account_blocked": is_blocked(account),
        "owner_display_name": owner.c.display_name,
        "stage_display_name": stage.c.display_name,
        "probability": queries.probability(),
        "forecast_category": queries.forecast_category(),
    },
    joins=[
        (account, account.c.id == opportunity.c.account_id),
        (owner, owner.c.id == opportunity.c.owner_id),
        (stage, stage.c.id == opportunity.c.stage_id),
    ],
    build=open_opportunity,
)


async def pipeline_lives(call: Command, record: Opportunity) -> None:
    """Refuse to bring back an opportunity into a pipeline that is deleted.

    Raises:
        FailedPrecondition: PIPELINE_DELETED.
    """
    if not await call.session.scalar(queries.lives(record.pipeline_id)):
        raise FailedPrecondition("PIPELINE_DELETED", "The opportunity's pipeline is deleted.")


def _close_date(request: Any) -> date:
    return day(request.close_date) if request.HasField("close_date") else datetime.now(UTC).date()


def _comment(request: Any) -> str | None:
    return request.reason.comment or None


class OpportunityService(Servicer, service="rotunda.sales.v1.OpportunityService"):
    """Every qualified inquiry of a customer, from the first talk to won, lost or cancelled."""

    GetOpportunity = opportunities.get()
    ListOpportunities = opportunities.list()
    CreateOpportunity = opportunities.create()
    UpdateOpportunity = opportunities.update()
    DeleteOpportunity = opportunities.delete()
    UndeleteOpportunity = opportunities.undelete(pipeline_lives)
    BatchCreateOpportunities = opportunities.batch_create()
    BatchUpdateOpportunities = opportunities.batch_update()

    @opportunities.verb
    async def MoveOpportunityToStage(call: Command, record: Opportunity, request: Any) -> None:  # noqa: N805
        """Go on, or back, to another stage, and keep the move in the history."""
        came_from = record.stage_id
        record.move_to(await _stage(call, request.stage_id))
        call.session.add(
            StageMove(
                opportunity_id=record.id,
                from_stage_id=came_from,
                to_stage_id=record.stage_id,
                actor=call.principal.subject,
            )
        )

    @opportunities.verb
    async def WinOpportunity(call: Command, record: Opportunity, request: Any) -> None:  # noqa: N805
        """Close as won."""
        reason = await close_reason(call, request.reason.reason_code)
        record.win(reason, _comment(request), _close_date(request))

    @opportunities.verb
    async def LoseOpportunity(call: Command, record: Opportunity, request: Any) -> None:  # noqa: N805
        """Close as lost."""
        reason = await close_reason(call, request.reason.reason_code)
        record.lose(reason, _comment(request), _close_date(request))

    @opportunities.verb
    async def CancelOpportunity(call: Command, record: Opportunity, request: Any) -> None:  # noqa: N805
        """Close without an outcome."""
        reason = await close_reason(call, request.reason.reason_code)
        record.cancel(reason, _comment(request), _close_date(request))

    @opportunities.verb
    async def ReopenOpportunity(_call: Command, record: Opportunity, _request: Any) -> None:  # noqa: N805
        """Go on where it was closed."""
        record.reopen()

    BatchWinOpportunities = opportunities.batch(WinOpportunity)
    BatchLoseOpportunities = opportunities.batch(LoseOpportunity)
