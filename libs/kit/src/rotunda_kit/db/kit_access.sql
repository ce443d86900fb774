-- What decides who may do what. Never edited: changes are further files.

CREATE TABLE access_role (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    deleted BOOLEAN NOT NULL,
    grants JSONB NOT NULL,
    field_restrictions JSONB NOT NULL,
    CONSTRAINT access_role_pkey PRIMARY KEY (id)
);

CREATE TABLE access_group (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    deleted BOOLEAN NOT NULL,
    CONSTRAINT access_group_pkey PRIMARY KEY (id)
);

CREATE TABLE access_team (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    deleted BOOLEAN NOT NULL,
    parent_id UUID,
    CONSTRAINT access_team_pkey PRIMARY KEY (id)
);

CREATE TABLE access_territory (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    deleted BOOLEAN NOT NULL,
    parent_id UUID,
    CONSTRAINT access_territory_pkey PRIMARY KEY (id)
);

CREATE TABLE access_user (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    deleted BOOLEAN NOT NULL,
    team_ids UUID[] NOT NULL,
    CONSTRAINT access_user_pkey PRIMARY KEY (id)
);

CREATE TABLE access_reach (
    scope_id UUID NOT NULL,
    user_id UUID NOT NULL,
    CONSTRAINT access_reach_pkey PRIMARY KEY (scope_id, user_id)
);

CREATE INDEX access_reach_user_idx ON access_reach (user_id);

CREATE TABLE access_epoch (
    single BOOLEAN DEFAULT true NOT NULL,
    epoch BIGINT NOT NULL,
    CONSTRAINT access_epoch_pkey PRIMARY KEY (single)
);

CREATE TABLE share (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    create_time TIMESTAMP WITH TIME ZONE NOT NULL,
    update_time TIMESTAMP WITH TIME ZONE NOT NULL,
    delete_time TIMESTAMP WITH TIME ZONE,
    external_ids JSONB NOT NULL,
    record_type TEXT NOT NULL,
    record_id UUID NOT NULL,
    creator_id UUID NOT NULL,
    user_id UUID,
    team_id UUID,
    group_id UUID,
    level VARCHAR(40) NOT NULL,
    grantee_id UUID GENERATED ALWAYS AS (coalesce(user_id, team_id, group_id)) STORED NOT NULL,
    CONSTRAINT share_pkey PRIMARY KEY (id)
);

CREATE INDEX share_grantee_idx ON share (grantee_id) WHERE delete_time IS NULL;

CREATE UNIQUE INDEX share_record_grantee_key ON share (record_id, grantee_id, record_type) WHERE delete_time IS NULL;
