-- Checkpoints by their cause (catalogue PG26), and the age of the last while there is WAL that one should cover:
-- an idle server makes none.
-- source: pg_stat_bgwriter, pg_control_checkpoint()
-- scope: primary; versions: 14 to 16
SELECT s.checkpoints_timed AS timed, s.checkpoints_req AS requested,
       coalesce(extract(epoch FROM s.stats_reset)::text, '') AS reset,
       due.age,
       due.age / extract(epoch FROM current_setting('checkpoint_timeout')::interval) AS age_ratio
FROM pg_stat_bgwriter AS s,
     (SELECT CASE WHEN pg_is_in_recovery() THEN 0
                  WHEN pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn) > 16 * 1024 * 1024
                  THEN extract(epoch FROM clock_timestamp() - checkpoint_time) ELSE 0 END AS age
      FROM pg_control_checkpoint()) AS due;
