CREATE SCHEMA sync;

CREATE VIEW sync.account_reference AS
SELECT id, 1 AS version, false AS deleted FROM keys.account;

CREATE VIEW sync.contact_reference AS
SELECT id, 1 AS version, false AS deleted FROM keys.contact;

CREATE VIEW sync.opportunity_reference AS
SELECT id, 1 AS version, false AS deleted FROM sales.opportunity;

CREATE VIEW sync.ticket_reference AS
SELECT id, 1 AS version, false AS deleted FROM service_desk.ticket;

CREATE VIEW sync.user_reference AS
SELECT id, 1 AS version, false AS deleted, display_name FROM keys.person;

CREATE VIEW sync.mailbox AS
SELECT
    keys.id(10, number, at) AS id, 1 AS version, at AS create_time, at AS update_time, '[]' AS external_ids,
    username || '@example.com' AS email, id AS user_id, 'NONE' AS provider, true AS active
FROM keys.person, (VALUES (timestamptz '2023-12-01 00:00+00')) AS made (at);

-- 40,000, ten for each account that is viewed.
CREATE VIEW sync.message AS
SELECT
    keys.id(11, i, at) AS id, 1 AS version, at AS create_time, at AS update_time, '[]' AS external_ids,
    mailbox.id AS mailbox_id, 'INBOUND' AS direction, source, sha256(source::bytea) AS source_digest,
    'Subject ' || i AS display_name, from_address, '{}'::text[] AS cc_addresses, array[mailbox.email] AS to_addresses,
    at AS sent_time, i || '@example.com' AS message_id, body AS snippet, length(source) AS size_bytes, 0 AS attachment_count,
    i % 2 = 0 AS read, '{}'::text[] AS categories, account_id, contact_id
FROM (
    SELECT
        i, at, spokesperson.account_id, spokesperson.contact_id, spokesperson.email AS from_address, body,
        concat_ws(
            E'\r\n', 'From: ' || spokesperson.email, 'To: user' || i % 20 || '@example.com', 'Subject: Subject ' || i,
            'Message-ID: <' || i || '@example.com>', '', body, ''
        ) AS source
    FROM (
        SELECT
            i, timestamptz '2024-01-01 00:00+00' + (canon.h(i, 53) % 63072000) * interval '1 second' AS at,
            'Thank you for the quote. ' || md5((i * 7)::text) || ' ' || md5((i * 11)::text) AS body
        FROM generate_series(1, 40000) AS i
    ) AS sent
    JOIN keys.spokesperson ON spokesperson.account_number = keys.account_number(i, 0)
) AS written
JOIN sync.mailbox ON mailbox.user_id = (SELECT id FROM keys.person WHERE number = written.i % 20);
