-- One row a foreign key: its table, its name, and the statement that counts rows which point to rows that do not exist.
-- The key's own equality operators are used, whatever the search_path. PostgreSQL 12 to 18; psql: append \gexec to the
-- last column. The statement is NULL-safe as MATCH SIMPLE is: a key with a NULL in it points nowhere.
SELECT pg_catalog.format('%I.%I', n.nspname, t.relname), c.conname, c.convalidated,
       pg_catalog.format(
           'SELECT count(*) FROM %I.%I c WHERE %s AND NOT EXISTS (SELECT 1 FROM %I.%I p WHERE %s)',
           n.nspname, t.relname,
           (SELECT pg_catalog.string_agg(pg_catalog.format('c.%I IS NOT NULL', a.attname), ' AND ')
              FROM pg_catalog.unnest(c.conkey) k
              JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k),
           fn.nspname, ft.relname,
           (SELECT pg_catalog.string_agg(
                       pg_catalog.format('p.%I OPERATOR(%I.%s) c.%I', pa.attname, opn.nspname, o.oprname, ca.attname), ' AND ')
              FROM ROWS FROM (pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.confkey), pg_catalog.unnest(c.conpfeqop)) u(ck, fk, op)
              JOIN pg_catalog.pg_attribute ca ON ca.attrelid = c.conrelid AND ca.attnum = u.ck
              JOIN pg_catalog.pg_attribute pa ON pa.attrelid = c.confrelid AND pa.attnum = u.fk
              JOIN pg_catalog.pg_operator o ON o.oid = u.op
              JOIN pg_catalog.pg_namespace opn ON opn.oid = o.oprnamespace))
  FROM pg_catalog.pg_constraint c
  JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_catalog.pg_class ft ON ft.oid = c.confrelid
  JOIN pg_catalog.pg_namespace fn ON fn.oid = ft.relnamespace
 WHERE c.contype = 'f' AND c.conparentid = 0
 ORDER BY 1, 2;
