CREATE TABLE custom_field (
    id uuid NOT NULL,
    version bigint NOT NULL,
    create_time timestamp with time zone NOT NULL,
    update_time timestamp with time zone NOT NULL,
    delete_time timestamp with time zone,
    purge_time timestamp with time zone,
    external_ids jsonb NOT NULL,
    record_type text NOT NULL,
    name text NOT NULL,
    type character varying(40) NOT NULL,
    display_name text NOT NULL,
    description text,
    required boolean NOT NULL,
    choices text[] NOT NULL,
    CONSTRAINT custom_field_pkey PRIMARY KEY (id),
    CONSTRAINT custom_field_type_check CHECK (type IN ('TEXT', 'INTEGER', 'DECIMAL', 'BOOLEAN', 'DATE', 'TIME', 'CHOICE', 'CHOICES', 'URL', 'EMAIL', 'PHONE'))
);
CREATE UNIQUE INDEX custom_field_record_type_name_key ON custom_field (record_type, name) WHERE delete_time IS NULL;
CREATE INDEX custom_field_deleted_idx ON custom_field (delete_time, id) WHERE delete_time IS NOT NULL AND purge_time IS NULL;
