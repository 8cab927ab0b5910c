-- Replication as the receiver sees it (catalogue PG19); no status where no receiver runs or the server was promoted.
-- source: pg_stat_wal_receiver, pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()
-- scope: any; versions: 14 and later
SELECT r.status,
       r.pid IS NOT NULL AND r.status IS NULL AS hidden,
       extract(epoch FROM clock_timestamp() - r.last_msg_receipt_time) AS message_age,
       -- Negative after a restart with a cut stream: replay is then past what this receiver got.
       greatest(0, pg_wal_lsn_diff(at.received, at.replayed))::bigint AS apply_backlog,
       CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() <> 'not paused'
            ELSE false END AS replay_paused,
       pg_wal_lsn_diff(at.received, '0/0')::bigint AS received_lsn,
       pg_wal_lsn_diff(at.replayed, '0/0')::bigint AS replayed_lsn,
       r.received_tli AS timeline
FROM (SELECT coalesce(pg_last_wal_receive_lsn(), here.replayed) AS received, here.replayed
      FROM (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                        ELSE pg_current_wal_lsn() END AS replayed) AS here) AS at
LEFT JOIN pg_stat_wal_receiver AS r ON true;
