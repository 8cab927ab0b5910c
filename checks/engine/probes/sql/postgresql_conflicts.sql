-- Queries that replay cancelled, and in which databases (catalogue PG20).
-- source: pg_stat_database
-- scope: any; versions: 14 and later
SELECT coalesce(sum(conflicts), 0)::bigint AS cancelled,
       json_agg(format('%s %s', conflicts, datname) ORDER BY datname)
           FILTER (WHERE datname IS NOT NULL AND conflicts > 0) AS databases
FROM pg_stat_database;
