"""The servicer of `rotunda.kit.v1.AuditEntryService`: every service answers for its own audit trail."""

from uuid import UUID

from sqlalchemy import select

from rotunda.kit.v1 import audit_entry_service_pb2 as pb
from rotunda_kit.audit.listing import NEWEST_FIRST, list_fields, message_of
from rotunda_kit.db.tables import audit_entry
from rotunda_kit.errors import NotFound
from rotunda_kit.listing.page import Page
from rotunda_kit.server.call import Call
from rotunda_kit.server.method import Servicer, query


def audit_servicer(service: str) -> type[Servicer]:
    """The servicer for a service."""
    fields = list_fields(service)

    class AuditEntryServicer(Servicer, service="rotunda.kit.v1.AuditEntryService"):
        @query
        async def GetAuditEntry(self, request: pb.GetAuditEntryRequest, call: Call) -> pb.GetAuditEntryResponse:
            entry_id = _entry_id(request.id, service)
            rows = await call.rows(select(audit_entry).where(audit_entry.c.entry_id == entry_id)) if entry_id else ()
            if not rows:
                raise NotFound("AUDIT_ENTRY_NOT_FOUND", "There is no such audit entry.")
            return pb.GetAuditEntryResponse(audit_entry=message_of(rows[0], service))

        @query
        async def ListAuditEntries(
            self, request: pb.ListAuditEntriesRequest, call: Call
        ) -> pb.ListAuditEntriesResponse:
            page = Page(
                fields,
                filter=request.filter,
                order_by=request.order_by,
                page_size=request.page_size,
                page_token=request.page_token,
                binding=request.DESCRIPTOR.full_name,
                default_order=NEWEST_FIRST,
            )
            rows, token = page.cut(await call.rows(page.apply(select(audit_entry))))
            shown = [message_of(row, service) for row in rows]
            return pb.ListAuditEntriesResponse(audit_entries=shown, next_page_token=token)

    return AuditEntryServicer


def _entry_id(text: str, service: str) -> UUID | None:
    prefix, _, rest = text.partition("-")
    try:
        return UUID(rest) if prefix == service else None
    except ValueError:
        return None
