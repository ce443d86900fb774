-- Twenty users who can't sign in; the administrator is there already.
CREATE SCHEMA access;

CREATE VIEW access."user" AS
SELECT
    id, 1 AS version, timestamptz '2023-12-01 00:00+00' AS create_time, timestamptz '2023-12-01 00:00+00' AS update_time,
    '[]' AS external_ids, username, display_name, username || '@example.com' AS email,
    '{}'::uuid[] AS team_ids, true AS active
FROM keys.person;
