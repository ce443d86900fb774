"""What signing in keeps in the access database beside users."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
    text,
)

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

# Attempts to prove who one is that failed or are under way, by whom and from where; see `throttle.py`.
throttle = Table(
    "throttle",
    Base.metadata,
    # SHA-256 of what is counted.
    Column("key", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    # Until when every attempt is refused.
    Column("until", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    # When one last succeeded.
    Column("success_time", DateTime(timezone=True)),
    Index("throttle_update_time_idx", "update_time"),
)

# A user's second factor (RFC 6238). It counts when he has confirmed it.
second_factor = Table(
    "second_factor",
    Base.metadata,
    Column("user_id", Uuid, ForeignKey("user.id"), primary_key=True),
    # Encrypted.
    Column("secret", LargeBinary, nullable=False),
    Column("confirm_time", DateTime(timezone=True)),
    # The time step of the last code that was accepted: none is accepted twice.
    Column("last_step", BigInteger, nullable=False, server_default=text("0")),
)

# What stands in for a code, once each.
recovery_code = Table(
    "recovery_code",
    Base.metadata,
    Column("user_id", Uuid, ForeignKey("second_factor.user_id", ondelete="CASCADE"), primary_key=True),
    # SHA-256.
    Column("digest", LargeBinary, primary_key=True),
)

# Who knows one of these may set a new password, once.
password_reset = Table(
    "password_reset",
    Base.metadata,
    # SHA-256.
    Column("digest", LargeBinary, primary_key=True),
    Column("user_id", Uuid, ForeignKey("user.id"), nullable=False),
    Column("expire_time", DateTime(timezone=True), nullable=False),
    Index("password_reset_user_idx", "user_id"),
    Index("password_reset_expire_time_idx", "expire_time"),
)
