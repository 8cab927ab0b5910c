-- The stream as the sender sees it (catalogue PG18): reply_time moves with wal_receiver_status_interval, idle or not,
-- and from half of wal_sender_timeout on the sender asks for an answer. A timeout of 0 is none: there is no share of it.
-- source: pg_stat_replication
-- scope: primary; versions: 14 and later
SELECT count(*) FILTER (WHERE r.state IS NULL) AS hidden,
       CASE WHEN count(*) = 0 THEN 'no standby is attached' END AS not_judged,
       greatest(0, max(pg_wal_lsn_diff(here.lsn, r.flush_lsn)))::bigint AS unflushed,
       greatest(0, max(extract(epoch FROM clock_timestamp() - r.reply_time))) AS reply_age,
       coalesce(greatest(0, max(extract(epoch FROM clock_timestamp() - r.reply_time)))
                / nullif(extract(epoch FROM current_setting('wal_sender_timeout')::interval), 0), 0) AS reply_ratio,
       json_agg(format('%s: %s, answered %s s ago, sent %s, flushed %s, replayed %s behind', r.application_name,
                       r.state, round(extract(epoch FROM clock_timestamp() - r.reply_time)::numeric, 1),
                       pg_size_pretty(pg_wal_lsn_diff(here.lsn, r.sent_lsn)),
                       pg_size_pretty(pg_wal_lsn_diff(here.lsn, r.flush_lsn)),
                       pg_size_pretty(pg_wal_lsn_diff(here.lsn, r.replay_lsn))) ORDER BY r.application_name) AS culprits
FROM pg_stat_replication r,
     (SELECT CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                  ELSE pg_current_wal_lsn() END AS lsn) AS here
WHERE r.state IS DISTINCT FROM 'backup';
