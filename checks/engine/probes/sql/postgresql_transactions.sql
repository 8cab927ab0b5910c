-- The longest idle transaction, transaction and query of clients (catalogue PG05 to PG07). Dumps and commands that the
-- server reports progress of take long by nature: named, not counted. Walsenders and autovacuum are no clients.
-- source: pg_stat_activity, pg_stat_progress_*
-- scope: any; versions: 14 and later
WITH working AS (
    SELECT pid FROM pg_stat_progress_vacuum UNION ALL SELECT pid FROM pg_stat_progress_create_index
    UNION ALL SELECT pid FROM pg_stat_progress_analyze UNION ALL SELECT pid FROM pg_stat_progress_cluster
    UNION ALL SELECT pid FROM pg_stat_progress_copy UNION ALL SELECT pid FROM pg_stat_progress_basebackup
), sessions AS (
    SELECT a.pid, a.usename::text, nullif(a.application_name, '') AS application_name, a.state,
           a.application_name IN ('pg_dump', 'pg_restore', 'penhas-checks take_backup')
               OR a.pid IN (SELECT pid FROM working) AS at_work,
           extract(epoch FROM clock_timestamp() - a.xact_start) AS transaction,
           CASE WHEN a.state LIKE 'idle in transaction%'
                THEN extract(epoch FROM clock_timestamp() - a.state_change) END AS idle,
           CASE WHEN a.state = 'active' THEN extract(epoch FROM clock_timestamp() - a.query_start) END AS query
    FROM pg_stat_activity a
    WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
), named AS (
    SELECT * FROM sessions WHERE greatest(transaction, query) >= 1 ORDER BY greatest(transaction, query) DESC LIMIT 10
)
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type IS NULL) AS hidden,
       CASE WHEN count(*) FILTER (WHERE state = 'disabled') > 0
            THEN format('track_activities is off for sessions of %s, which tell nothing',
                        string_agg(DISTINCT usename, ', ') FILTER (WHERE state = 'disabled')) END AS untold,
       'Set track_activities = on, for that role too.' AS mend,
       coalesce(max(idle) FILTER (WHERE NOT at_work), 0) AS idle_in_transaction,
       coalesce(max(transaction) FILTER (WHERE NOT at_work), 0) AS oldest,
       coalesce(max(query) FILTER (WHERE NOT at_work), 0) AS query,
       (SELECT json_agg(format('pid %s (%s, %s, %s%s): transaction %s s', pid, usename, application_name, state,
                               CASE WHEN at_work THEN ', at work' ELSE '' END, round(transaction))
                        ORDER BY transaction DESC NULLS LAST) FROM named) AS culprits
FROM sessions;
