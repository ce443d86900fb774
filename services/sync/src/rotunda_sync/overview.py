"""This service's section of the 360 degree view."""

from rotunda.sync.v1 import message_service_pb2
from rotunda_kit.overview import list_section, overview_servicer
from rotunda_sync.messages.service import message, messages

OverviewService = overview_servicer(
    list_section(
        "messages",
        messages,
        message_service_pb2.ListMessagesResponse,
        order_by=[message.c.sent_time.desc().nulls_last(), message.c.id.desc()],
    )
)
