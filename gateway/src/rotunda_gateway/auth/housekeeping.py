"""What signing in leaves behind, and when it may go."""

from sqlalchemy import text

DELETE_WHAT_ENDED = [
    # Their refresh tokens go with them. Until then a stolen one is told apart from one that never was.
    text(
        "DELETE FROM session WHERE id IN (SELECT id FROM session"
        " WHERE expire_time < now() - interval '24 hours' LIMIT :batch)"
    ),
    text(
        """
        DELETE FROM password_reset
        WHERE digest IN (SELECT digest FROM password_reset WHERE expire_time < now() LIMIT :batch)
        """
    ),
    # Who is deleted may come back, and finds it as it was; who is purged never does. Recovery codes go with it.
    text(
        "DELETE FROM second_factor WHERE user_id IN (SELECT user_id FROM second_factor"
        ' JOIN "user" ON id = user_id WHERE purge_time IS NOT NULL LIMIT :batch)'
    ),
    # From where somebody has signed in is remembered longer than from where somebody has not.
    text(
        "DELETE FROM throttle WHERE key IN (SELECT key FROM throttle WHERE update_time < now() - interval '1 day'"
        " AND (success_time IS NULL OR success_time < now() - interval '30 days') LIMIT :batch)"
    ),
]
