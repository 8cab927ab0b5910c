-- Client sessions by state, and how many there may be (catalogue PG03); walsenders have slots of their own.
-- source: pg_stat_activity
-- scope: any; versions: 14 and later (reserved_connections: 16 and later)
SELECT count(*) FILTER (WHERE backend_type IS NULL) AS hidden,
       count(*) FILTER (WHERE backend_type = 'client backend') AS used,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true)::int, 0) AS usable,
       count(*) FILTER (WHERE backend_type = 'client backend' AND state = 'active') AS active,
       count(*) FILTER (WHERE backend_type = 'client backend' AND state = 'idle') AS idle,
       count(*) FILTER (WHERE backend_type = 'client backend' AND state LIKE 'idle in transaction%')
           AS idle_in_transaction
FROM pg_stat_activity;
