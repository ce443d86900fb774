"""The methods of close reasons."""

from sqlalchemy import select

from rotunda.sales.events.v1 import close_reason_event_pb2 as events_pb
from rotunda.sales.v1 import close_reason_service_pb2 as pb
from rotunda_kit.resource.collection import Collection
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Servicer
from rotunda_sales.close_reasons.model import CloseReason, not_usable

close_reasons = Collection(
    CloseReason,
    pb.CloseReason,
    event=events_pb.CloseReasonEvent,
)


async def close_reason(call: Command, code: str) -> CloseReason:
    """The close reason of a code. The list is short: a transaction reads it once, however many deals it closes.

    Raises:
        InvalidArgument: CLOSE_REASON_NOT_USABLE, on `reason.reason_code`: there is none.
    """
    known: dict[str, CloseReason] | None = call.session.info.get("close_reasons")
    if known is None:
        rows = await call.session.scalars(select(CloseReason).where(CloseReason.delete_time.is_(None)))
        known = call.session.info["close_reasons"] = {reason.reason_code: reason for reason in rows}
    if code not in known:
        raise not_usable("is not in the list of close reasons")
    return known[code]


class CloseReasonService(Servicer, service="rotunda.sales.v1.CloseReasonService"):
    """Why opportunities are closed."""

    GetCloseReason = close_reasons.get()
    ListCloseReasons = close_reasons.list()
    CreateCloseReason = close_reasons.create()
    UpdateCloseReason = close_reasons.update()
    DeleteCloseReason = close_reasons.delete()
    UndeleteCloseReason = close_reasons.undelete()
    BatchCreateCloseReasons = close_reasons.batch_create()
    BatchUpdateCloseReasons = close_reasons.batch_update()
