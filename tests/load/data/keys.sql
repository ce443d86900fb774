-- Ids of the platform's records, from their kind, number and time alone, so that the tables of all services agree.
--
-- The canonical data gives an account five contacts, five opportunities and ten activities on average. A view shows ten rows
-- a section, so here the first 40,000 of each kind belong to the first 4,000 accounts, ten each: these are the accounts that
-- are viewed. All others are where the canonical data has them.
CREATE SCHEMA keys;

-- A UUIDv7: 48 bits of time in milliseconds, then the kind, then the number.
CREATE FUNCTION keys.id(kind integer, number bigint, at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (
        lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
        || '7' || lpad(to_hex(kind), 3, '0') || '8' || lpad(to_hex(number), 15, '0')
    )::uuid
$$;

CREATE FUNCTION keys.account_number(number bigint, canonical bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN number <= 40000 THEN 1 + (number - 1) % 4000 ELSE canonical END
$$;

CREATE TABLE keys.person AS
SELECT number, keys.id(1, number, timestamptz '2023-12-01 00:00+00') AS id, 'user' || number AS username, v AS display_name
FROM (SELECT i AS number, v || ' Seller' AS v FROM canon.fn WHERE i < 20) AS named;
CREATE UNIQUE INDEX ON keys.person (number);

CREATE TABLE keys.account AS
SELECT
    company.id AS number, keys.id(2, company.id, company.at) AS id, company.name AS display_name, company.at,
    person.id AS owner_id
FROM canon.company JOIN keys.person ON person.number = canon.h(company.id, 101) % 20;
CREATE UNIQUE INDEX ON keys.account (number);

CREATE TABLE keys.contact AS
SELECT
    contact.id AS number, keys.id(3, contact.id, contact.at) AS id, account.number AS account_number,
    account.id AS account_id, account.owner_id, contact.first_name, contact.last_name, contact.email, contact.phone,
    contact.at
FROM canon.contact JOIN keys.account ON account.number = keys.account_number(contact.id, contact.company_id);
CREATE UNIQUE INDEX ON keys.contact (number);

-- One of each account's contacts.
CREATE TABLE keys.spokesperson AS
SELECT DISTINCT ON (account_id) account_id, account_number, id AS contact_id, email
FROM keys.contact ORDER BY account_id, number;
CREATE UNIQUE INDEX ON keys.spokesperson (account_id);

ANALYZE;
