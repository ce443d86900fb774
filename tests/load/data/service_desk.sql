CREATE SCHEMA service_desk;

CREATE VIEW service_desk.account_reference AS
SELECT id, 1 AS version, false AS deleted, display_name FROM keys.account;

CREATE VIEW service_desk.contact_reference AS
SELECT id, 1 AS version, false AS deleted FROM keys.contact;

CREATE VIEW service_desk.user_reference AS
SELECT id, 1 AS version, false AS deleted, display_name FROM keys.person;

-- 40,000, ten for each account that is viewed.
CREATE VIEW service_desk.ticket AS
SELECT
    keys.id(7, i, reported) AS id, 1 AS version, reported AS create_time, reported AS update_time, '[]' AS external_ids,
    'Ticket ' || i || ' ' || substr(md5(i::text), 1, 16) AS display_name, 'REQUEST' AS type,
    (array['OPEN', 'RESOLVED', 'CLOSED'])[1 + i % 3] AS state, 'NORMAL' AS priority, 'EMAIL' AS channel,
    'The delivery lacks a part. ' || md5((i * 7)::text) AS description, account.id AS account_id, spokesperson.contact_id,
    account.owner_id AS assignee_id, reported AS report_time,
    CASE WHEN i % 3 > 0 THEN reported + interval '1 day' END AS resolve_time,
    CASE WHEN i % 3 = 2 THEN reported + interval '2 days' END AS close_time,
    CASE WHEN i % 3 > 0 THEN 'Sent the part.' END AS resolution
FROM (
    SELECT i, timestamptz '2024-01-01 00:00+00' + (canon.h(i, 43) % 62640000) * interval '1 second'
    FROM generate_series(1, 40000) AS i
) AS ticket (i, reported)
JOIN keys.account ON account.number = keys.account_number(i, 0)
JOIN keys.spokesperson ON spokesperson.account_id = account.id;
