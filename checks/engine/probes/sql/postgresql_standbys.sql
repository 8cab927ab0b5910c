-- Replication as the sender sees it (catalogue PG18); one row without a name where no standby is attached.
-- source: pg_stat_replication, pg_current_wal_lsn()
-- scope: any; versions: 14 and later
SELECT r.application_name AS name,
       r.state,
       r.pid IS NOT NULL AND r.state IS NULL AS hidden,
       (pg_wal_lsn_diff(here.lsn, r.replay_lsn))::bigint AS replay_bytes,
       extract(epoch FROM r.replay_lag) AS replay_lag,
       extract(epoch FROM clock_timestamp() - r.reply_time) AS reply_age,
       extract(epoch FROM clock_timestamp() - r.backend_start) AS attached,
       r.sync_state,
       current_setting('synchronous_standby_names') <> '' AS synchronous,
       pg_wal_lsn_diff(here.lsn, '0/0')::bigint AS current_lsn
FROM (SELECT CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                  ELSE pg_current_wal_lsn() END AS lsn) AS here
LEFT JOIN pg_stat_replication AS r ON r.state IS DISTINCT FROM 'backup'
ORDER BY r.application_name, r.pid;
