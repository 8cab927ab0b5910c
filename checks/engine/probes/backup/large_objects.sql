-- One row a column that may hold the number of a large object (types oid and lo): its name, and the statement that
-- counts those whose object is not there. PostgreSQL 12 to 18; psql: \gexec on the last column.
SELECT pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname),
       pg_catalog.format(
           'SELECT count(*) FROM %I.%I t WHERE t.%I IS NOT NULL AND t.%I <> 0 AND NOT EXISTS'
           ' (SELECT 1 FROM pg_catalog.pg_largeobject_metadata m WHERE m.oid = t.%I)',
           n.nspname, c.relname, a.attname, a.attname, a.attname)
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind = 'r' AND c.relpersistence = 'p'
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND a.attnum > 0 AND NOT a.attisdropped
   AND (t.oid = 'pg_catalog.oid'::pg_catalog.regtype OR t.typname = 'lo' AND t.typbasetype = 'pg_catalog.oid'::pg_catalog.regtype)
 ORDER BY 1;
