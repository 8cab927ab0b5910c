-- Queries that replay cancelled (catalogue PG20).
-- source: pg_stat_database
-- scope: any; versions: 14 and later
SELECT coalesce(sum(conflicts), 0)::bigint AS cancelled FROM pg_stat_database;
