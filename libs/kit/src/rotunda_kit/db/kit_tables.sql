-- The kit's tables as they were at first. Never edited: changes are versions of each service.

CREATE TABLE dead_letter (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    consumer TEXT NOT NULL,
    event_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    headers JSONB NOT NULL,
    payload BYTEA NOT NULL,
    error TEXT NOT NULL,
    time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT dead_letter_pkey PRIMARY KEY (id)
);

CREATE INDEX dead_letter_time_idx ON dead_letter (time);

CREATE TABLE external_id (
    noun TEXT NOT NULL,
    system TEXT NOT NULL,
    external_id TEXT NOT NULL,
    resource_id UUID NOT NULL,
    CONSTRAINT external_id_pkey PRIMARY KEY (noun, system, external_id)
);

CREATE INDEX external_id_resource_idx ON external_id (resource_id);

CREATE TABLE idempotency (
    caller TEXT NOT NULL,
    method TEXT NOT NULL,
    request_id TEXT NOT NULL,
    digest BYTEA NOT NULL,
    response BYTEA NOT NULL,
    create_time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT idempotency_pkey PRIMARY KEY (caller, method, request_id)
);

CREATE INDEX idempotency_create_time_idx ON idempotency (create_time);

CREATE TABLE inbox (
    consumer TEXT NOT NULL,
    event_id UUID NOT NULL,
    time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT inbox_pkey PRIMARY KEY (consumer, event_id)
);

CREATE INDEX inbox_time_idx ON inbox (time);

CREATE TABLE outbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    event_id UUID NOT NULL,
    noun TEXT NOT NULL,
    verb TEXT NOT NULL,
    aggregate_id UUID NOT NULL,
    aggregate_version BIGINT NOT NULL,
    time TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    traceparent TEXT NOT NULL,
    payload BYTEA NOT NULL,
    sent_time TIMESTAMP WITH TIME ZONE,
    CONSTRAINT outbox_pkey PRIMARY KEY (id)
);

CREATE INDEX outbox_sent_idx ON outbox (sent_time) WHERE sent_time IS NOT NULL;

CREATE INDEX outbox_unsent_idx ON outbox (id) WHERE sent_time IS NULL;
