-- The version that each migration tool says it brought the schema to.
-- source: penhas_checks.migrations()
-- scope: any; versions: 14 and later
SELECT json_agg(tool || ' ' || version ORDER BY tool) AS applied FROM penhas_checks.migrations();
