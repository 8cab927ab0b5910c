-- Client sessions by state, how many there may be, and whose they are (catalogue PG03); walsenders have slots of their
-- own.
-- source: pg_stat_activity
-- scope: any; versions: 14 and later (reserved_connections: 16 and later)
WITH clients AS (
    SELECT usename, nullif(application_name, '') AS application_name, state
    FROM pg_stat_activity WHERE backend_type = 'client backend'
), holders AS (
    SELECT usename, application_name, state, count(*) AS number
    FROM clients GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT 10
)
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type IS NULL) AS hidden,
       count(*) AS used,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true)::int, 0) AS usable,
       count(*) FILTER (WHERE state = 'active') AS active,
       count(*) FILTER (WHERE state = 'idle') AS idle,
       count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle_in_transaction,
       (SELECT json_agg(format('%s of %s (%s, %s)', number, usename, application_name, state)
                        ORDER BY number DESC, usename, application_name, state) FROM holders) AS culprits
FROM clients;
