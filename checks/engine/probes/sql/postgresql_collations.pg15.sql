-- Databases and collations in use that were made by another version of the system's rules (catalogue PG39).
-- source: pg_database, pg_collation
-- scope: any; versions: 15 and later
SELECT count(*) AS mismatched, json_agg(name ORDER BY name) AS culprits
FROM (
    SELECT format('database %s', datname) AS name
    FROM pg_database
    WHERE datallowconn AND datcollversion IS DISTINCT FROM pg_database_collation_actual_version(oid)
    UNION ALL
    SELECT format('collation %s', collname)
    FROM pg_collation c
    WHERE collversion IS DISTINCT FROM pg_collation_actual_version(oid)
      AND EXISTS (SELECT FROM pg_attribute a WHERE a.attcollation = c.oid AND a.attrelid >= 16384)
) AS m;
