"""The methods of activities."""

from typing import Any
from uuid import UUID

from rotunda.customers.events.v1 import activity_event_pb2 as events_pb
from rotunda.customers.v1 import activity_service_pb2 as pb
from rotunda_customers.accounts.model import Account
from rotunda_customers.activities.model import Activity
from rotunda_customers.contacts.model import Contact
from rotunda_customers.references import UserReference
from rotunda_kit.resource.collection import Collection
from rotunda_kit.resource.values import moment
from rotunda_kit.server.call import Command
from rotunda_kit.server.method import Servicer

activity = Activity.__table__
account = Account.__table__
contact = Contact.__table__
assignee = UserReference.__table__.alias("assignee")


async def plan_or_log(call: Command, request: pb.CreateActivityRequest, values: dict[str, Any]) -> Activity:
    """A new activity, to be done, or done already where the request says when."""
    record = Activity(**{"assignee_id": UUID(call.principal.subject), **values})
    record.record("created")
    if request.HasField("complete_time"):
        record.complete(request.outcome or None, moment(request.complete_time))
    return record


activities = Collection(
    Activity,
    pb.Activity,
    event=events_pb.ActivityEvent,
    derived={
        "account_display_name": account.c.display_name,
        "contact_display_name": contact.c.display_name,
        "assignee_display_name": assignee.c.display_name,
    },
    joins=[
        (account, account.c.id == activity.c.account_id),
        (contact, contact.c.id == activity.c.contact_id),
        (assignee, assignee.c.id == activity.c.assignee_id),
    ],
    build=plan_or_log,
)


class ActivityService(Servicer, service="rotunda.customers.v1.ActivityService"):
    """What was done with a customer, and what is to be done."""

    GetActivity = activities.get()
    ListActivities = activities.list()
    CreateActivity = activities.create()
    UpdateActivity = activities.update()
    DeleteActivity = activities.delete()
    UndeleteActivity = activities.undelete()
    BatchCreateActivities = activities.batch_create()
    BatchUpdateActivities = activities.batch_update()

    @activities.verb
    async def CompleteActivity(_call: Command, activity: Activity, request: pb.CompleteActivityRequest) -> None:  # noqa: N805
        """Close it as done."""
        at = moment(request.complete_time) if request.HasField("complete_time") else None
        activity.complete(request.outcome or None, at)

    @activities.verb
    async def DelegateActivity(_call: Command, activity: Activity, request: pb.DelegateActivityRequest) -> None:  # noqa: N805
        """Hand it on to another user."""
        activity.delegate(UUID(request.assignee_id), request.comment or None)
