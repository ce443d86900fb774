CREATE SCHEMA customers;

CREATE VIEW customers.user_reference AS
SELECT id, 1 AS version, false AS deleted, display_name FROM keys.person;

CREATE VIEW customers.account AS
SELECT
    id, 1 AS version, at AS create_time, at AS update_time, '[]' AS external_ids, display_name, 'COMPANY' AS type, owner_id,
    (array['technology', 'medical', 'retail', 'software', 'finance'])[1 + canon.h(number, 111) % 5] AS industry,
    'https://www' || number || '.example.com' AS website, 1950 + canon.h(number, 112) % 70 AS founded_year,
    10 + canon.h(number, 113) % 9990 AS employee_count,
    (100000 + canon.h(number, 114) % 99900000)::numeric(28, 9) AS annual_revenue, 'EUR' AS annual_revenue_currency,
    jsonb_build_array(jsonb_build_object(
        'kind', 'ADDRESS_KIND_OFFICE', 'street', 'Hauptstraße ' || 1 + number % 200,
        'postal_code', lpad((number % 100000)::text, 5, '0'), 'city', 'Berlin', 'country_code', 'DE'
    )) AS addresses,
    jsonb_build_array(jsonb_build_object('number', '+4930' || lpad(number::text, 7, '0'), 'kind', 'PHONE_KIND_WORK')) AS phones,
    '[]' AS emails
FROM keys.account;

CREATE VIEW customers.contact AS
SELECT
    id, 1 AS version, at AS create_time, at AS update_time, '[]' AS external_ids, last_name, first_name,
    'Head of Purchasing' AS job_title, account_id, owner_id, email,
    jsonb_build_array(jsonb_build_object('number', phone, 'kind', 'PHONE_KIND_WORK')) AS phones, '[]' AS addresses,
    'de' AS language
FROM keys.contact;

CREATE VIEW customers.activity AS
SELECT
    keys.id(4, act.id, act.at) AS id, 1 AS version, act.at AS create_time, act.at AS update_time, '[]' AS external_ids,
    CASE act.kind WHEN 'mail' THEN 'EMAIL' WHEN 'call' THEN 'CALL' ELSE 'VISIT' END AS kind, act.subject AS display_name,
    account.owner_id AS assignee_id, act.at AS due_time, act.body AS description, 'CLOSED' AS state, 'NORMAL' AS priority,
    act.at AS complete_time, account.id AS account_id, spokesperson.contact_id, '[]' AS delegations
FROM canon.act
JOIN keys.account ON account.number = keys.account_number(act.id, act.company_id)
JOIN keys.spokesperson ON spokesperson.account_id = account.id;
