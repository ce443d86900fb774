"""What signing in keeps in the access database beside users."""

from sqlalchemy import Column, DateTime, ForeignKey, Index, Integer, LargeBinary, Table, Text, Uuid, func, text

from rotunda_gateway.access.database import Base

# A sign-in and what came of it. It ends by sign-out, by an administrator, with the password, or in time.
session = Table(
    "session",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("user.id"), nullable=False),
    # PASSWORD or OIDC.
    Column("method", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False, server_default=func.now()),
    # To the minute.
    Column("last_use_time", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expire_time", DateTime(timezone=True), nullable=False),
    Column("end_time", DateTime(timezone=True)),
    Column("user_agent", Text, nullable=False),
    Column("address", Text, nullable=False),
    # How often its refresh token was replaced, and when last.
    Column("generation", Integer, nullable=False, server_default=text("0")),
    Column("rotate_time", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("session_user_idx", "user_id", "id", postgresql_where=text("end_time IS NULL")),
    Index("session_expire_time_idx", "expire_time"),
)

# Refresh tokens, those that were replaced too: whoever shows one of these has stolen it, or was stolen from.
refresh_token = Table(
    "refresh_token",
    Base.metadata,
    # SHA-256.
    Column("digest", LargeBinary, primary_key=True),
    Column("session_id", Uuid, ForeignKey("session.id", ondelete="CASCADE"), nullable=False),
    Column("generation", Integer, nullable=False),
    Index("refresh_token_session_idx", "session_id"),
)
