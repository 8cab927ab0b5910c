-- How far this server has replayed; compared with the primary's position, which was read before (catalogue PG19).
-- source: pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(), pg_last_xact_replay_timestamp()
-- scope: standby; versions: 14 and later
SELECT pg_is_in_recovery() AS in_recovery,
       pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint AS replayed_lsn,
       pg_wal_lsn_diff(coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0')::bigint AS received_lsn,
       -- A replica that has replayed no transaction since its start is behind for no longer than it runs.
       extract(epoch FROM clock_timestamp() - coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time()))
           AS replay_age;
