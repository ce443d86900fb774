"""Every flush of a changed record raises its version and locks its row, before any event about it is written."""

from typing import Any
from uuid import UUID

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from rotunda_kit.model import Resource, now


class TrackingSession(Session):
    """A session that knows which records were changed in it, in the order of the first change."""

    @property
    def touched(self) -> dict[UUID, Resource]:
        """Records that were added or changed, flushed or not."""
        touched: dict[UUID, Resource] = self.info.setdefault("touched", {})
        return touched

    @property
    def created(self) -> set[UUID]:
        """Ids of those that were added."""
        created: set[UUID] = self.info.setdefault("created", set())
        return created

    @property
    def renamed(self) -> dict[UUID, Resource]:
        """Records whose external ids are to be brought up to date."""
        renamed: dict[UUID, Resource] = self.info.setdefault("renamed", {})
        return renamed

    @property
    def before(self) -> dict[UUID, dict[str, Any]]:
        """The values that attributes of changed records had at first, by record and attribute."""
        before: dict[UUID, dict[str, Any]] = self.info.setdefault("before", {})
        return before

    def notice(self, record: Resource, *, created: bool) -> None:
        """Take note of a change that the next flush writes."""
        state = inspect(record)
        if created:
            self.created.add(record.id)
            names_changed = bool(record.external_ids)
        else:
            if record.id not in self.created:
                before = self.before.setdefault(record.id, {})
                for attribute in state.mapper.column_attrs:
                    history = state.attrs[attribute.key].history
                    if history.has_changes():
                        before.setdefault(attribute.key, history.deleted[0] if history.deleted else None)
            record.version += 1
            record.update_time = now()
            names_changed = bool(state.attrs.external_ids.history.has_changes())
            names_changed |= bool(state.attrs.delete_time.history.has_changes())
        self.touched.setdefault(record.id, record)
        if names_changed:
            self.renamed[record.id] = record


@event.listens_for(TrackingSession, "before_flush")
def _notice_changes(session: Session, _context: Any, _instances: Any) -> None:
    if not isinstance(session, TrackingSession):
        return
    for record in session.new:
        if isinstance(record, Resource):
            session.notice(record, created=True)
    for record in session.dirty:
        if isinstance(record, Resource) and session.is_modified(record):
            session.notice(record, created=False)
