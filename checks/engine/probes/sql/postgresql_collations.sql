-- Collations in use that were made by another version of the system's rules (catalogue PG39): indexes may be wrong.
-- source: pg_collation
-- scope: any; versions: 14, which does not keep the version that the database's own collation was made by
SELECT count(*) AS mismatched,
       coalesce(json_agg(format('collation %s', collname) ORDER BY collname), '[]')::jsonb
       || jsonb_build_array('the database''s own collation: not known before PostgreSQL 15') AS culprits
FROM pg_collation c
WHERE collversion IS DISTINCT FROM pg_collation_actual_version(oid)
  AND EXISTS (SELECT FROM pg_attribute a WHERE a.attcollation = c.oid AND a.attrelid >= 16384);
