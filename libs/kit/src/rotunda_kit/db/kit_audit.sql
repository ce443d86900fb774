-- The audit trail. Never edited: changes are further files.

CREATE TABLE audit_entry (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    entry_id UUID NOT NULL,
    time TIMESTAMP WITH TIME ZONE NOT NULL,
    noun TEXT NOT NULL,
    record_id UUID,
    record_version BIGINT,
    action TEXT NOT NULL,
    method TEXT NOT NULL,
    actor TEXT NOT NULL,
    on_behalf_of TEXT NOT NULL,
    session TEXT NOT NULL,
    request_id TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    changes JSONB NOT NULL,
    salt BYTEA,
    seq BIGINT,
    previous_hash BYTEA,
    hash BYTEA,
    CONSTRAINT audit_entry_pkey PRIMARY KEY (id),
    CONSTRAINT audit_entry_seq_key UNIQUE (seq)
);

CREATE INDEX audit_entry_actor_idx ON audit_entry (actor, time);

CREATE INDEX audit_entry_record_idx ON audit_entry (record_id, time);

CREATE INDEX audit_entry_time_idx ON audit_entry (time, entry_id);

CREATE INDEX audit_entry_unchained_idx ON audit_entry (id) WHERE seq IS NULL;

CREATE TABLE audit_checkpoint (
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    time TIMESTAMP WITH TIME ZONE NOT NULL,
    signature TEXT NOT NULL,
    CONSTRAINT audit_checkpoint_pkey PRIMARY KEY (seq)
);

-- Nobody changes or deletes by mistake what is in the chain; who means to is found out by it. A salt may be erased.
CREATE FUNCTION audit_entry_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF TG_OP = 'DELETE' OR (OLD.seq IS NOT NULL AND to_jsonb(OLD) - 'salt' <> to_jsonb(NEW) - 'salt') THEN RAISE EXCEPTION 'audit entries stay as they are'; END IF; RETURN NEW; END $$;

CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_entry_stays();
