-- Replication as the sender sees it (catalogue PG18); one row without a name where no standby is attached.
-- For how many standbys commits wait is in synchronous_standby_names ('a, b' means one), and whether they wait at all in
-- each role's synchronous_commit: of the role in our database, of the role, of the database, of the server.
-- source: pg_stat_replication, pg_current_wal_lsn(), pg_db_role_setting
-- scope: any; versions: 14 and later
SELECT r.application_name AS name,
       r.state,
       r.pid IS NOT NULL AND r.state IS NULL AS hidden,
       (pg_wal_lsn_diff(here.lsn, r.replay_lsn))::bigint AS replay_bytes,
       extract(epoch FROM r.replay_lag) AS replay_lag,
       extract(epoch FROM clock_timestamp() - r.reply_time) AS reply_age,
       extract(epoch FROM clock_timestamp() - r.backend_start) AS attached,
       r.sync_state,
       CASE WHEN current_setting('synchronous_standby_names') ~ '^\s*$' THEN 0
            ELSE coalesce(substring(lower(current_setting('synchronous_standby_names'))
                                    FROM '^\s*(?:(?:first|any)\s+)?([0-9]+)\s*\(')::int, 1) END AS synchronous,
       EXISTS (
           SELECT FROM pg_roles w
           WHERE w.rolcanlogin AND w.rolname <> current_user AND (w.rolsuper OR NOT w.rolreplication)
             AND has_database_privilege(w.oid, current_database(), 'CONNECT')
             AND coalesce((SELECT lower(substring(entry FROM '=(.*)$'))
                           FROM pg_db_role_setting s, unnest(s.setconfig) AS entry
                           WHERE entry LIKE 'synchronous\_commit=%' AND s.setrole IN (w.oid, 0)
                             AND s.setdatabase IN ((SELECT oid FROM pg_database WHERE datname = current_database()), 0)
                           ORDER BY s.setrole = 0, s.setdatabase = 0
                           LIMIT 1), current_setting('synchronous_commit'))
                 NOT IN ('local', 'off', 'false', 'no', '0')
       ) AS waited_for,
       pg_wal_lsn_diff(here.lsn, '0/0')::bigint AS current_lsn
FROM (SELECT CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                  ELSE pg_current_wal_lsn() END AS lsn) AS here
LEFT JOIN pg_stat_replication AS r ON r.state IS DISTINCT FROM 'backup'
ORDER BY r.application_name, r.pid;
