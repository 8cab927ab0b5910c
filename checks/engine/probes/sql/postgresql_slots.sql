-- Replication slots (catalogue PG21). A lost slot has no restart_lsn: its bytes would be silence.
-- source: pg_replication_slots
-- scope: any; versions: 14, which does not tell since when a slot is inactive
SELECT count(*) AS slots,
       json_agg(slot_name ORDER BY slot_name) FILTER (WHERE gone) AS lost,
       json_agg(slot_name ORDER BY slot_name) FILTER (WHERE wal_status = 'unreserved' AND NOT gone) AS unreserved,
       json_agg(slot_name ORDER BY slot_name) FILTER (WHERE NOT active AND NOT temporary AND NOT gone) AS inactive,
       NULL AS inactive_age,
       greatest(0, coalesce(max(retained), 0))::bigint AS retained,
       current_setting('max_slot_wal_keep_size') <> '-1' AS limited,
       json_agg(format('%s: %s, %s, holds %s', slot_name, CASE WHEN active THEN 'active' ELSE 'inactive' END,
                       wal_status, pg_size_pretty(retained)) ORDER BY slot_name) AS culprits
FROM (
    SELECT slot_name, active, temporary, wal_status,
           wal_status = 'lost' AS gone,
           pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery()
                                THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                                ELSE pg_current_wal_lsn() END, restart_lsn) AS retained
    FROM pg_replication_slots
) AS s;
