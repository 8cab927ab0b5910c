-- One row a column that a sequence feeds (owned, identity or by DEFAULT): the sequence, the column, and the statement
-- that says whether the next value is one that the column already holds. is_called is read: a sequence that was never
-- called gives its last_value itself. Ascending sequences only. PostgreSQL 12 to 18; psql: \gexec on the last column.
WITH fed AS (
    SELECT s.oid AS seq, d.refobjid AS tab, d.refobjsubid AS att
      FROM pg_catalog.pg_class s
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = s.oid
                                 AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
     WHERE s.relkind = 'S'
    UNION
    SELECT dd.refobjid, ad.adrelid, ad.adnum
      FROM pg_catalog.pg_attrdef ad
      JOIN pg_catalog.pg_depend dd ON dd.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND dd.objid = ad.oid
                                  AND dd.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      JOIN pg_catalog.pg_class s ON s.oid = dd.refobjid AND s.relkind = 'S'
)
SELECT pg_catalog.format('%I.%I', sn.nspname, s.relname), pg_catalog.format('%I.%I.%I', n.nspname, t.relname, a.attname),
       pg_catalog.format(
           'SELECT (SELECT last_value + CASE WHEN is_called THEN %s ELSE 0 END FROM %I.%I) <= (SELECT max(%I) FROM %I.%I)',
           q.seqincrement, sn.nspname, s.relname, a.attname, n.nspname, t.relname)
  FROM fed
  JOIN pg_catalog.pg_class s ON s.oid = fed.seq
  JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
  JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid AND q.seqincrement > 0
  JOIN pg_catalog.pg_class t ON t.oid = fed.tab AND t.relkind IN ('r', 'p')
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = fed.tab AND a.attnum = fed.att
  JOIN pg_catalog.pg_type y ON y.oid = a.atttypid AND y.typname IN ('int2', 'int4', 'int8')
 ORDER BY 1, 2;
