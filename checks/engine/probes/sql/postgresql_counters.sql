-- Counters of all databases together, and of each that has any (catalogue PG43).
-- source: pg_stat_database
-- scope: any; versions: 14 and later
SELECT sum(deadlocks)::bigint AS deadlocks, sum(temp_bytes)::bigint AS temporary,
       sum(blks_hit)::bigint AS blocks_hit, sum(blks_read)::bigint AS blocks_read,
       coalesce(extract(epoch FROM max(stats_reset))::text, '') AS reset,
       pg_is_in_recovery() AS in_recovery,
       json_agg(format('%s %s %s', deadlocks, temp_bytes, datname) ORDER BY datname)
           FILTER (WHERE datname IS NOT NULL AND (deadlocks > 0 OR temp_bytes > 0)) AS databases
FROM pg_stat_database;
