-- Identity of the server (catalogue PG01, PG57).
-- source: pg_control_system(), pg_control_checkpoint(), pg_postmaster_start_time()
-- scope: any; versions: 14 and later
SELECT current_setting('server_version_num')::int AS version,
       pg_is_in_recovery() AS in_recovery,
       (SELECT system_identifier FROM pg_control_system()) AS system_identifier,
       -- The control file lags behind a promotion until the next checkpoint; the name of the WAL file does not.
       CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline,
       extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()) AS uptime,
       extract(epoch FROM clock_timestamp()) AS server_time,
       current_setting('max_connections')::int AS max_connections;
