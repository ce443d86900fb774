"""The tables that every service's database has beside its own.

They are Core tables: nobody maps them, and a service's migrations make them with `rotunda_kit.db.migrations`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from rotunda_kit.model import NAMING

kit_metadata = MetaData(naming_convention=NAMING)

# What happened here and is to be told: written in the change's transaction, published by the relay in the order of
# `id`.
# Sent rows stay for a while, since a broker can lose what it acknowledged.
outbox = Table(
    "outbox",
    kit_metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False),
    # `service.noun`
    Column("noun", Text, nullable=False),
    # Past tense.
    Column("verb", Text, nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("aggregate_version", BigInteger, nullable=False),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("traceparent", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("sent_time", DateTime(timezone=True)),
    Index("outbox_unsent_idx", "id", postgresql_where=text("sent_time IS NULL")),
    Index("outbox_sent_idx", "sent_time", postgresql_where=text("sent_time IS NOT NULL")),
)

# What a consumer has taken in: written in the transaction of the effect, so that a redelivery has none.
inbox = Table(
    "inbox",
    kit_metadata,
    Column("consumer", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("time", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("inbox_time_idx", "time"),
)

# What a consumer could not take in after many tries. Never dropped silently; settled ones stay for a while.
dead_letter = Table(
    "dead_letter",
    kit_metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("consumer", Text, nullable=False),
    # As the message named it: what fails may not be one of ours at all.
    Column("event_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("error", Text, nullable=False),
    Column("time", DateTime(timezone=True), nullable=False, server_default=func.now()),
    # The event's id, or a digest of what is no event: filing it again changes the letter that waits.
    Column("key", Text),
    Column("tries", Integer, nullable=False, server_default=text("1")),
    # Where the error was raised.
    Column("description", Text, nullable=False, server_default=""),
    # WAITING, REPLAYED or DISCARDED.
    Column("state", Text, nullable=False, server_default="WAITING"),
    Column("settle_time", DateTime(timezone=True)),
    Index("dead_letter_time_idx", "time"),
    Index("dead_letter_waiting_key", "consumer", "key", unique=True, postgresql_where=text("state = 'WAITING'")),
)

# Answers of writes, to be replayed when a caller sends the same request again.
idempotency = Table(
    "idempotency",
    kit_metadata,
    Column("caller", Text, primary_key=True),
    Column("method", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    # SHA-256 of the request.
    Column("digest", LargeBinary, nullable=False),
    Column("response", LargeBinary, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("idempotency_create_time_idx", "create_time"),
)

# Names of records in other systems, unique per noun. The record carries a copy for reading.
external_id = Table(
    "external_id",
    kit_metadata,
    Column("noun", Text, primary_key=True),
    Column("system", Text, primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("resource_id", Uuid, nullable=False),
    Index("external_id_resource_idx", "resource_id"),
)


# What decides who may do what: copies of the records of access, kept up from its events.
access_role = Table(
    "access_role",
    kit_metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("grants", JSONB, nullable=False),
    Column("field_restrictions", JSONB, nullable=False),
)
access_team = Table(
    "access_team",
    kit_metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("parent_id", Uuid),
)
access_territory = Table(
    "access_territory",
    kit_metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("parent_id", Uuid),
)
# Users who left, too: what they own still belongs to their teams.
access_user = Table(
    "access_user",
    kit_metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("team_ids", ARRAY(Uuid), nullable=False),
)
# The users below each team, at any depth, and each user below himself.
access_reach = Table(
    "access_reach",
    kit_metadata,
    Column("scope_id", Uuid, primary_key=True),
    Column("user_id", Uuid, primary_key=True),
    Index("access_reach_user_idx", "user_id"),
)
# One row, raised with every change of a role, team or territory: processes that keep them in memory look at it.
access_epoch = Table(
    "access_epoch",
    kit_metadata,
    Column("single", Boolean, primary_key=True, server_default=true()),
    Column("epoch", BigInteger, nullable=False),
)
access_group = Table(
    "access_group",
    kit_metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
)

# Who did what to which record: written in the change's transaction, then chained by one worker. Never deleted: it
# survives the record.
audit_entry = Table(
    "audit_entry",
    kit_metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("entry_id", Uuid, nullable=False),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("noun", Text, nullable=False),
    Column("record_id", Uuid),
    Column("record_version", BigInteger),
    Column("action", Text, nullable=False),
    # The gRPC method, in full.
    Column("method", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("on_behalf_of", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    # Fields with their values before and after; personal ones as digests.
    Column("changes", JSONB, nullable=False),
    # Of the digests; without it they say nothing any more.
    Column("salt", LargeBinary),
    # The place in the chain; unset until it is there.
    Column("seq", BigInteger, unique=True),
    Column("previous_hash", LargeBinary),
    Column("hash", LargeBinary),
    Index("audit_entry_unchained_idx", "id", postgresql_where=text("seq IS NULL")),
    Index("audit_entry_record_idx", "record_id", "time"),
    Index("audit_entry_actor_idx", "actor", "time"),
    Index("audit_entry_time_idx", "time", "entry_id"),
)
# How far the chain was right, signed.
audit_checkpoint = Table(
    "audit_checkpoint",
    kit_metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("signature", Text, nullable=False),
)
