CREATE SCHEMA sales;

CREATE VIEW sales.account_reference AS
SELECT id, 1 AS version, false AS deleted, display_name FROM keys.account;

CREATE VIEW sales.user_reference AS
SELECT id, 1 AS version, false AS deleted, display_name FROM keys.person;

-- One of its own beside the one that the platform comes with.
CREATE VIEW sales.pipeline AS
SELECT
    keys.id(5, 1, at) AS id, 1 AS version, at AS create_time, at AS update_time, '[]' AS external_ids,
    'Canonical' AS display_name, false AS default_pipeline
FROM (VALUES (timestamptz '2023-12-01 00:00+00')) AS made (at);

CREATE VIEW sales.stage AS
SELECT
    keys.id(5, 100 + position, pipeline.create_time) AS id, pipeline.id AS pipeline_id, position,
    'Stage ' || position AS display_name, (array[10, 25, 50, 75, 100, 0])[1 + position] AS probability,
    'PIPELINE' AS forecast_category
FROM sales.pipeline, generate_series(0, 5) AS position;

CREATE VIEW sales.opportunity AS
SELECT
    keys.id(6, opp.id, opp.at) AS id, 1 AS version, opp.at AS create_time, opp.at AS update_time, '[]' AS external_ids,
    opp.name AS display_name, account.owner_id, stage.pipeline_id, stage.id AS stage_id, account.id AS account_id,
    CASE opp.stage WHEN 4 THEN 'WON' WHEN 5 THEN 'LOST' ELSE 'OPEN' END AS state, opp.amount, 'EUR' AS amount_currency,
    opp.at::date AS engage_date, opp.close_date AS expected_close_date,
    CASE WHEN opp.stage > 3 THEN opp.close_date END AS close_date, '{}'::uuid[] AS product_ids,
    'Wants a quote by then.' AS description
FROM canon.opp
JOIN sales.stage ON stage.position = opp.stage
JOIN keys.account ON account.number = keys.account_number(opp.id, opp.company_id);
