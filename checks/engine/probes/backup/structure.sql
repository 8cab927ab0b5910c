-- Everything of a database that is not a row: one line (kind, name, value) a thing. Definitions are told by a digest
-- only, because a constant in them may say something of a person. PostgreSQL 14 to 18; reads catalogues only; the
-- session needs search_path = '' so that every definition is written with its schemas.
WITH schemas AS (
    SELECT oid, nspname, nspowner, nspacl FROM pg_catalog.pg_namespace
     WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), members AS (
    SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
), relations AS (
    SELECT c.*, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
      FROM pg_catalog.pg_class c JOIN schemas n ON n.oid = c.relnamespace
     WHERE NOT EXISTS (SELECT 1 FROM members m
                        WHERE m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND m.objid = c.oid)
), functions AS (
    SELECT p.*, pg_catalog.format('%I.%I(%s)', n.nspname, p.proname,
                                         pg_catalog.pg_get_function_identity_arguments(p.oid)) AS name
      FROM pg_catalog.pg_proc p JOIN schemas n ON n.oid = p.pronamespace
     WHERE NOT EXISTS (SELECT 1 FROM members m
                        WHERE m.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND m.objid = p.oid)
), types AS (
    SELECT t.*, pg_catalog.format('%I.%I', n.nspname, t.typname) AS name
      FROM pg_catalog.pg_type t JOIN schemas n ON n.oid = t.typnamespace
     WHERE (t.typtype IN ('e', 'd', 'r')
            OR t.typtype = 'c' AND EXISTS (SELECT 1 FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
       AND NOT EXISTS (SELECT 1 FROM members m
                        WHERE m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND m.objid = t.oid)
), acls AS (
    SELECT CASE relkind WHEN 'S' THEN 'sequence ' ELSE 'relation ' END || name AS name,
           coalesce(relacl, pg_catalog.acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, relowner)) AS acl
      FROM relations WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'column ' || r.name || '.' || pg_catalog.quote_ident(a.attname), a.attacl
      FROM relations r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid
     WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL SELECT 'function ' || name, coalesce(proacl, pg_catalog.acldefault('f', proowner)) FROM functions
    UNION ALL SELECT 'type ' || name, coalesce(typacl, pg_catalog.acldefault('T', typowner)) FROM types
    UNION ALL SELECT 'schema ' || pg_catalog.quote_ident(nspname), coalesce(nspacl, pg_catalog.acldefault('n', nspowner)) FROM schemas
    UNION ALL
    SELECT 'default for ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.defaclrole)) || ' on ' || d.defaclobjtype::text
           || coalesce(' in ' || (SELECT pg_catalog.quote_ident(nspname) FROM schemas s WHERE s.oid = d.defaclnamespace), ''),
           d.defaclacl
      FROM pg_catalog.pg_default_acl d
     WHERE pg_catalog.pg_get_userbyid(d.defaclrole) !~ '^penhas_checks_'
)
SELECT 'relation', name,
       CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
                    WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table'
                    ELSE relkind::text END
       || CASE relpersistence WHEN 'u' THEN ', unlogged' ELSE '' END
  FROM relations WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL
SELECT 'column', r.name || '.' || pg_catalog.quote_ident(a.attname),
       pg_catalog.format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
       || CASE WHEN a.attidentity <> '' THEN ' identity' ELSE '' END || CASE WHEN a.attgenerated <> '' THEN ' generated' ELSE '' END
       || coalesce(' collate ' || (SELECT collname FROM pg_catalog.pg_collation o
                                    WHERE o.oid = a.attcollation AND o.collname <> 'default'), '')
       || coalesce(' default ' || pg_catalog.md5(pg_catalog.pg_get_expr(d.adbin, d.adrelid)), '')
  FROM relations r
  JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE r.relkind IN ('r', 'p', 'f')
UNION ALL
SELECT 'constraint', r.name || ' ' || pg_catalog.quote_ident(c.conname),
       CASE c.contype WHEN 'f' THEN 'foreign key' WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'c' THEN 'check'
                      WHEN 'x' THEN 'exclusion' ELSE c.contype::text END
       || CASE WHEN c.convalidated THEN '' ELSE ', not valid' END || ' ' || pg_catalog.md5(pg_catalog.pg_get_constraintdef(c.oid))
  FROM pg_catalog.pg_constraint c JOIN relations r ON r.oid = c.conrelid
 WHERE c.contype IN ('f', 'p', 'u', 'c', 'x')
UNION ALL
SELECT 'index', r.name || ' ' || pg_catalog.quote_ident(i.relname),
       CASE WHEN x.indisunique THEN 'unique ' ELSE '' END || CASE WHEN x.indisvalid THEN '' ELSE 'invalid ' END
       || pg_catalog.md5(pg_catalog.pg_get_indexdef(x.indexrelid))
  FROM pg_catalog.pg_index x JOIN relations r ON r.oid = x.indrelid JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
UNION ALL
SELECT 'trigger', r.name || ' ' || pg_catalog.quote_ident(t.tgname),
       t.tgenabled::text || ' ' || pg_catalog.md5(pg_catalog.pg_get_triggerdef(t.oid))
  FROM pg_catalog.pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'policy', r.name || ' ' || pg_catalog.quote_ident(p.polname),
       p.polcmd::text || CASE WHEN p.polpermissive THEN '' ELSE ' restrictive' END || ' to '
       || (SELECT pg_catalog.string_agg(CASE WHEN o = 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(o)::text END, ','
                  ORDER BY CASE WHEN o = 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(o)::text END COLLATE "C")
             FROM pg_catalog.unnest(p.polroles) o)
       || ' ' || pg_catalog.md5(coalesce(pg_catalog.pg_get_expr(p.polqual, p.polrelid), '') || '|'
                                || coalesce(pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), ''))
  FROM pg_catalog.pg_policy p JOIN relations r ON r.oid = p.polrelid
UNION ALL
SELECT 'row security', name, CASE WHEN relforcerowsecurity THEN 'forced' ELSE 'enabled' END FROM relations WHERE relrowsecurity
UNION ALL
SELECT 'view', name, pg_catalog.md5(pg_catalog.pg_get_viewdef(oid)) FROM relations WHERE relkind IN ('v', 'm')
UNION ALL
SELECT 'filled view', name, CASE WHEN relispopulated THEN 'filled' ELSE 'empty' END FROM relations WHERE relkind = 'm'
UNION ALL
SELECT 'function', name,
       pg_catalog.md5(coalesce(prosrc, '') || provolatile::text || prosecdef::text || proisstrict::text
                      || pg_catalog.format_type(prorettype, NULL) || coalesce(proconfig::text, '')
                      || coalesce(pg_catalog.pg_get_function_sqlbody(oid), ''))
  FROM functions
UNION ALL
SELECT 'type', name,
       CASE typtype WHEN 'e' THEN 'enum ' || pg_catalog.md5((SELECT pg_catalog.string_agg(enumlabel, '|' ORDER BY enumsortorder)
                                                               FROM pg_catalog.pg_enum WHERE enumtypid = types.oid))
                    WHEN 'd' THEN 'domain ' || pg_catalog.format_type(typbasetype, typtypmod)
                         || coalesce(' ' || (SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(c.oid), '|' ORDER BY conname))
                                               FROM pg_catalog.pg_constraint c WHERE c.contypid = types.oid AND c.contype = 'c'), '')
                    ELSE typtype::text END
  FROM types
UNION ALL
SELECT 'extension', extname, extversion FROM pg_catalog.pg_extension
UNION ALL
SELECT 'schema', pg_catalog.quote_ident(nspname), '' FROM schemas
UNION ALL
SELECT 'owner', CASE relkind WHEN 'S' THEN 'sequence ' ELSE 'relation ' END || name, pg_catalog.pg_get_userbyid(relowner)
  FROM relations WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL SELECT 'owner', 'function ' || name, pg_catalog.pg_get_userbyid(proowner) FROM functions
UNION ALL SELECT 'owner', 'type ' || name, pg_catalog.pg_get_userbyid(typowner) FROM types
UNION ALL SELECT 'owner', 'schema ' || pg_catalog.quote_ident(nspname), pg_catalog.pg_get_userbyid(nspowner) FROM schemas
UNION ALL
SELECT 'grant', a.name || ' to ' || CASE WHEN x.grantee = 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(x.grantee)::text END,
       pg_catalog.string_agg(x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END, ',' ORDER BY x.privilege_type COLLATE "C")
  FROM acls a CROSS JOIN LATERAL pg_catalog.aclexplode(a.acl) x
 WHERE x.grantee = 0 OR pg_catalog.pg_get_userbyid(x.grantee) !~ '^penhas_checks_(scratch|restorer)'
 GROUP BY 1, 2
UNION ALL
SELECT 'event trigger', pg_catalog.quote_ident(evtname), evtevent || ' ' || evtenabled::text FROM pg_catalog.pg_event_trigger
UNION ALL
SELECT 'publication', pg_catalog.quote_ident(pubname), '' FROM pg_catalog.pg_publication
UNION ALL
SELECT 'statistics', pg_catalog.format('%I.%I', n.nspname, s.stxname), s.stxkind::text
  FROM pg_catalog.pg_statistic_ext s JOIN schemas n ON n.oid = s.stxnamespace
UNION ALL
SELECT 'database', k, v
  FROM pg_catalog.pg_database d
  CROSS JOIN LATERAL (VALUES ('encoding', pg_catalog.pg_encoding_to_char(d.encoding)::text),
                             ('collation', d.datcollate::text), ('character type', d.datctype::text),
                             ('collation version', coalesce(pg_catalog.to_jsonb(d) ->> 'datcollversion', '')),
                             ('owner', pg_catalog.pg_get_userbyid(d.datdba)::text),
                             ('public may connect', pg_catalog.has_database_privilege('public', d.oid, 'CONNECT')::text)) kv(k, v)
 WHERE d.datname = pg_catalog.current_database()
UNION ALL
SELECT 'database', 'grant to ' || CASE WHEN x.grantee = 0 THEN 'public' ELSE pg_catalog.pg_get_userbyid(x.grantee)::text END,
       pg_catalog.string_agg(x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END, ',' ORDER BY x.privilege_type COLLATE "C")
  FROM pg_catalog.pg_database d
  CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) x
 WHERE d.datname = pg_catalog.current_database()
   AND (x.grantee = 0 OR pg_catalog.pg_get_userbyid(x.grantee) !~ '^penhas_checks_(scratch|restorer)')
 GROUP BY 2
UNION ALL
SELECT 'database', 'setting ' || pg_catalog.split_part(c, '=', 1)
       || CASE WHEN s.setrole = 0 THEN '' ELSE ' of ' || pg_catalog.pg_get_userbyid(s.setrole) END,
       pg_catalog.md5(c)
  FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
  CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c
 WHERE d.datname = pg_catalog.current_database()
 ORDER BY 1, 2;
