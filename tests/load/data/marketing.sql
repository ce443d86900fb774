CREATE SCHEMA marketing;

CREATE VIEW marketing.account_reference AS
SELECT id, 1 AS version, false AS deleted, display_name FROM keys.account;

CREATE VIEW marketing.contact_reference AS
SELECT id, 1 AS version, false AS deleted, ltrim(coalesce(first_name, '') || ' ' || last_name) AS display_name
FROM keys.contact;

CREATE VIEW marketing.user_reference AS
SELECT id, 1 AS version, false AS deleted, display_name FROM keys.person;

CREATE VIEW marketing.campaign AS
SELECT
    keys.id(8, i, at) AS id, 1 AS version, at AS create_time, at AS update_time, '[]' AS external_ids,
    'Campaign ' || i AS display_name, 'EMAIL' AS kind, 'RUNNING' AS state, at::date AS start_date, person.id AS owner_id,
    'Tells what is new.' AS description
FROM (
    SELECT i, timestamptz '2024-01-01 00:00+00' + i * interval '20 days' AS at FROM generate_series(1, 20) AS i
) AS planned
JOIN keys.person ON person.number = i % 20;

-- Every account that is viewed is a member of every other campaign.
CREATE VIEW marketing.campaign_member AS
SELECT
    keys.id(9, account.number * 100 + campaign.i, campaign.create_time) AS id, 1 AS version, campaign.create_time,
    campaign.create_time AS update_time, '[]' AS external_ids, campaign.id AS campaign_id, account.id AS account_id,
    'CONTACTED' AS status
FROM (SELECT row_number() OVER (ORDER BY id) AS i, id, create_time FROM marketing.campaign) AS campaign
JOIN keys.account ON account.number <= 4000 AND (account.number + campaign.i) % 2 = 0;
