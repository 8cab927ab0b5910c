-- Whether autovacuum runs (catalogue PG14), since when all its workers have been at work, and tables that it was turned
-- off for, or for their TOAST. A worker lives for as long as its database has work: three samples two seconds apart would
-- say less.
-- source: pg_stat_activity, pg_stat_progress_vacuum, pg_class
-- scope: primary; versions: 14 and later
WITH off AS (
    SELECT coalesce((SELECT format('the TOAST of %s', m.oid::regclass) FROM pg_class m
                     WHERE c.relkind = 't' AND m.reltoastrelid = c.oid), c.oid::regclass::text) AS name
    FROM pg_class c, pg_options_to_table(c.reloptions) AS o
    WHERE c.relkind IN ('r', 'm', 'p', 't') AND o.option_name = 'autovacuum_enabled'
      AND lower(o.option_value) IN ('false', 'off', 'no', '0', 'f', 'n')
)
SELECT count(*) FILTER (WHERE backend_type IS NULL) AS hidden,
       CASE WHEN pg_is_in_recovery() THEN 'in recovery, where autovacuum does not run' END AS not_judged,
       current_setting('autovacuum') = 'on' AS enabled,
       count(*) FILTER (WHERE backend_type = 'autovacuum launcher') > 0 AS launcher,
       count(*) FILTER (WHERE backend_type = 'autovacuum worker') AS running,
       current_setting('autovacuum_max_workers')::int AS most,
       CASE WHEN count(*) FILTER (WHERE backend_type = 'autovacuum worker')
                 >= current_setting('autovacuum_max_workers')::int
            THEN greatest(0, extract(epoch FROM clock_timestamp()
                                     - max(backend_start) FILTER (WHERE backend_type = 'autovacuum worker')))
            ELSE 0 END AS saturated,
       (SELECT json_agg(format('pid %s: table %s, %s', pid, relid::regclass, phase) ORDER BY pid)
        FROM pg_stat_progress_vacuum WHERE datname = current_database()) AS at_work,
       (SELECT count(*) FROM off) AS tables_off,
       (SELECT json_agg(name ORDER BY name) FROM off) AS culprits
FROM pg_stat_activity;
