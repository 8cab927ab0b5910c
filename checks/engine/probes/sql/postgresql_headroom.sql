-- What a new standby needs: a walsender and a slot (catalogue PG22).
-- source: pg_stat_activity, pg_replication_slots
-- scope: any; versions: 14 and later
SELECT count(*) FILTER (WHERE backend_type IS NULL) AS hidden,
       coalesce(count(*) FILTER (WHERE backend_type = 'walsender')::float8
                / nullif(current_setting('max_wal_senders')::int, 0), 1) AS senders_ratio,
       coalesce((SELECT count(*) FROM pg_replication_slots)::float8
                / nullif(current_setting('max_replication_slots')::int, 0), 1) AS slots_ratio
FROM pg_stat_activity;
