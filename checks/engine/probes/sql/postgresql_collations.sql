-- Collations in use that were made by another version of the system's rules (catalogue PG39): indexes may be wrong.
-- source: pg_collation
-- scope: any; versions: 14
SELECT count(*) AS mismatched, json_agg(format('collation %s', collname) ORDER BY collname) AS culprits
FROM pg_collation c
WHERE collversion IS DISTINCT FROM pg_collation_actual_version(oid)
  AND EXISTS (SELECT FROM pg_attribute a WHERE a.attcollation = c.oid AND a.attrelid >= 16384);
