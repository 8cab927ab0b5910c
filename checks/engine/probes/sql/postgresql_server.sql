-- Identity of the server (catalogue PG01, PG57).
-- It started when its checkpointer did: after a crash of a backend all others are started anew, but not the postmaster.
-- Writes are refused where each role that may write has read-only transactions by its own or the database's setting; the
-- server's own is hidden by that of our role. Superusers count where nobody else may write.
-- source: pg_control_system(), pg_control_checkpoint(), pg_postmaster_start_time(), pg_db_role_setting
-- scope: any; versions: 14 and later
SELECT current_setting('server_version_num')::int AS version,
       pg_is_in_recovery() AS in_recovery,
       (SELECT system_identifier FROM pg_control_system()) AS system_identifier,
       -- The control file lags behind a promotion until the next checkpoint; the name of the WAL file does not.
       CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline,
       extract(epoch FROM clock_timestamp() - started.at) AS uptime,
       extract(epoch FROM started.at) AS started,
       extract(epoch FROM clock_timestamp()) AS server_time,
       current_setting('max_connections')::int AS max_connections,
       (SELECT bool_and(coalesce(read_only, false)) FROM (
            SELECT r.rolsuper, min(r.rolsuper::int) OVER () AS superusers_only,
                   (SELECT substring(entry FROM '=(.*)$')::boolean
                    FROM pg_db_role_setting s, unnest(s.setconfig) AS entry
                    WHERE entry LIKE 'default\_transaction\_read\_only=%' AND s.setrole IN (r.oid, 0)
                      AND s.setdatabase IN ((SELECT oid FROM pg_database WHERE datname = current_database()), 0)
                    ORDER BY s.setrole = 0, s.setdatabase = 0
                    LIMIT 1) AS read_only
            FROM pg_roles r
            WHERE r.rolcanlogin AND r.rolname <> current_user
              AND has_database_privilege(r.oid, current_database(), 'CONNECT')
              AND EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                          WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^(pg_|information_schema$|penhas_checks$)'
                            AND has_table_privilege(r.oid, c.oid, 'INSERT'))
        ) AS writers
        WHERE rolsuper::int = superusers_only) IS TRUE AS refuses_writes
FROM (SELECT greatest(pg_postmaster_start_time(),
                      (SELECT max(backend_start) FROM pg_stat_activity WHERE backend_type = 'checkpointer')) AS at) AS started;
