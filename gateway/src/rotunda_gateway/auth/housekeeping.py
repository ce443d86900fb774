"""What signing in leaves behind, and when it may go."""

from sqlalchemy import text

DELETE_WHAT_ENDED = [
    # Their refresh tokens go with them. Until then a stolen one is told apart from one that never was.
    text(
        "DELETE FROM session WHERE id IN (SELECT id FROM session"
        " WHERE expire_time < now() - interval '24 hours' LIMIT :batch)"
    ),
]
