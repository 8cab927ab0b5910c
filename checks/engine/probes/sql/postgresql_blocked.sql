-- Sessions that wait for a lock, and for whom (catalogue PG08); a blocker with pid 0 is a prepared transaction. A build
-- CONCURRENTLY waits by nature for the transactions that were there before it, and keeps no reader or writer from
-- anything: named, not counted.
-- source: pg_locks, pg_stat_activity, pg_blocking_pids(), pg_stat_progress_create_index
-- scope: any; versions: 14 and later
WITH waiting AS (
    SELECT l.pid, l.mode, a.usename, nullif(a.application_name, '') AS application_name,
           CASE WHEN l.relation IS NOT NULL AND l.database = (SELECT oid FROM pg_database
                                                              WHERE datname = current_database())
                THEN l.relation::regclass::text ELSE l.locktype END AS what,
           l.locktype = 'virtualxid' AND l.pid IN (SELECT pid FROM pg_stat_progress_create_index) AS at_work,
           extract(epoch FROM clock_timestamp() - coalesce(l.waitstart, a.query_start)) AS seconds
    FROM pg_locks l
    JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE NOT l.granted
), named AS (
    SELECT w.*, (SELECT string_agg(CASE WHEN b = 0 THEN 'a prepared transaction'
                                        ELSE format('pid %s (%s, %s, %s, transaction for %s s)', b, a.usename,
                                                    nullif(a.application_name, ''), a.state,
                                                    round(extract(epoch FROM clock_timestamp() - a.xact_start)))
                                   END, ', ')
                 FROM unnest(pg_blocking_pids(w.pid)) AS b
                 LEFT JOIN pg_stat_activity a ON a.pid = b) AS blockers
    FROM (SELECT * FROM waiting ORDER BY at_work, seconds DESC NULLS LAST LIMIT 10) AS w
)
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type IS NULL) AS hidden,
       count(*) FILTER (WHERE NOT at_work) AS sessions,
       coalesce(max(seconds) FILTER (WHERE NOT at_work), 0) AS longest,
       (SELECT json_agg(format('pid %s (%s, %s%s) waits %s s for %s on %s: blocked by %s', pid, usename,
                               application_name, CASE WHEN at_work THEN ', at work' END, round(seconds), mode, what,
                               blockers) ORDER BY at_work, seconds DESC) FROM named) AS culprits
FROM waiting;
