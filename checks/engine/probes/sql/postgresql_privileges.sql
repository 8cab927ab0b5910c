-- What our own role may see and do (catalogue PG02); superusers and owners count as writers of what they own. `excess` is
-- what it may do beyond reading statistics and our own views, whoever gave it that; what an extension brings is for all.
-- source: pg_roles, pg_stat_activity, has_table_privilege()
-- scope: any; versions: 14 and later
WITH me AS (
    SELECT * FROM pg_roles WHERE rolname = current_user
), relations AS (
    SELECT c.oid, n.nspname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
), readable AS (
    SELECT count(*) AS number FROM relations r
    WHERE r.nspname <> 'penhas_checks' AND has_any_column_privilege(r.oid, 'SELECT')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid
                                                AND d.deptype = 'e')
), excess AS (
    SELECT right_of.name FROM me, LATERAL (
        VALUES (rolcreaterole, 'CREATEROLE'), (rolcreatedb, 'CREATEDB'), (rolreplication, 'REPLICATION'),
               (rolbypassrls, 'BYPASSRLS'),
               (has_database_privilege(current_database(), 'CREATE'), 'CREATE in the database')) AS right_of (held, name)
    WHERE right_of.held
    UNION ALL
    SELECT 'the role ' || r.rolname FROM pg_roles r
    WHERE r.rolname LIKE 'pg\_%' AND pg_has_role(current_user, r.oid, 'MEMBER')
      AND r.rolname NOT IN ('pg_monitor', 'pg_read_all_settings', 'pg_read_all_stats', 'pg_stat_scan_tables',
                            'pg_use_reserved_connections')
    UNION ALL
    SELECT format('SELECT on %s tables and views', number) FROM readable WHERE number > 0
)
SELECT rolname AS role,
       rolsuper AS superuser,
       pg_has_role(current_user, 'pg_monitor', 'USAGE') AS pg_monitor,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type IS NULL) AS hidden_sessions,
       (SELECT count(*) FROM relations r
        WHERE has_table_privilege(r.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
           OR has_any_column_privilege(r.oid, 'INSERT, UPDATE')) AS writable_tables,
       (SELECT json_agg(name ORDER BY name) FROM excess) AS excess
FROM me;
