-- How long the receiver heard nothing, and what it has not replayed (catalogue PG19).
-- An idle stream is heard of each half wal_receiver_timeout: the age is a saw-tooth up to that. A timeout of 0 is none:
-- then nothing is heard of an idle stream, and there is no share of it.
-- source: pg_stat_wal_receiver, pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()
-- scope: any; versions: 14 and later
SELECT count(*) FILTER (WHERE r.status IS NULL) AS hidden,
       CASE WHEN count(*) = 0 THEN 'no WAL receiver runs' END AS not_judged,
       max(extract(epoch FROM clock_timestamp() - r.last_msg_receipt_time)) AS message_age,
       coalesce(max(extract(epoch FROM clock_timestamp() - r.last_msg_receipt_time))
                / nullif(extract(epoch FROM current_setting('wal_receiver_timeout')::interval), 0), 0) AS message_ratio,
       -- Negative after a restart with a cut stream: replay is then past what this receiver got.
       greatest(0, coalesce(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), 0))::bigint
           AS apply_backlog
FROM pg_stat_wal_receiver r;
