-- Unlogged tables (catalogue PG36): empty on a standby and after a crash. Minion's two are meant to be.
-- source: pg_class
-- scope: any; versions: 14 and later
SELECT count(*) AS tables, json_agg(oid::regclass::text ORDER BY oid::regclass::text) AS culprits
FROM pg_class
WHERE relkind IN ('r', 'p') AND relpersistence = 'u' AND relname NOT IN ('minion_workers', 'minion_locks');
