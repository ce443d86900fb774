"""Who may do what."""

from typing import Any

from rotunda_kit.errors import PermissionDenied
from rotunda_kit.server.call import Command


async def administrators_only(call: Command, _record: Any) -> None:
    """A guard for what only administrators may change.

    Raises:
        PermissionDenied: ADMINISTRATORS_ONLY.
    """
    if not call.principal.administrator:
        raise PermissionDenied("ADMINISTRATORS_ONLY", "Only administrators may do this.")
