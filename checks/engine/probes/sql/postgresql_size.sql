-- The size of each database on disk (catalogue PG45); this takes no lock on any table.
-- source: pg_database_size()
-- scope: any; versions: 14 and later
SELECT sum(bytes)::bigint AS bytes,
       json_agg(format('%s: %s', datname, pg_size_pretty(bytes)) ORDER BY bytes DESC, datname) AS culprits
FROM (SELECT datname, pg_database_size(oid) AS bytes FROM pg_database) AS sizes;
