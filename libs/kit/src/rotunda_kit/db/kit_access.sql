-- What decides who may do what. Never edited: changes are further files.

CREATE TABLE access_role (
    id UUID NOT NULL,
    version BIGINT NOT NULL,
    deleted BOOLEAN NOT NULL,
    grants JSONB NOT NULL,
    field_restrictions JSONB NOT NULL,
    CONSTRAINT access_role_pkey PRIMARY KEY (id)
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
    noun TEXT NOT NULL,
    record_id UUID NOT NULL,
    grantee_type TEXT NOT NULL,
    grantee_id UUID NOT NULL,
    level TEXT NOT NULL,
    creator_id UUID NOT NULL,
    create_time TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT share_pkey PRIMARY KEY (id),
    CONSTRAINT share_record_grantee_key UNIQUE (noun, record_id, grantee_id)
);

CREATE INDEX share_grantee_idx ON share (grantee_id);
