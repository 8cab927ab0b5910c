-- What our own role may see and do (catalogue PG02); superusers and owners count as writers of what they own.
-- source: pg_roles, pg_stat_activity, has_table_privilege()
-- scope: any; versions: 14 and later
SELECT current_user AS role,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
       pg_has_role(current_user, 'pg_monitor', 'USAGE') AS pg_monitor,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type IS NULL) AS hidden_sessions,
       (SELECT count(*)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')
          AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
          AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')) AS writable_tables;
