-- Sessions that hold a lock of which others may be kept waiting (ours among them), the strongest of each.
-- source: pg_locks, pg_stat_activity
-- scope: any; versions: 14 and later
SELECT json_agg(format('pid %s (%s, %s, %s, transaction for %s s) holds %s on %s', pid, usename, application_name,
                       state, age, mode, relation) ORDER BY age DESC) AS culprits
FROM (
    SELECT a.pid, a.usename, nullif(a.application_name, '') AS application_name, a.state, l.mode,
           l.relation::regclass AS relation, round(extract(epoch FROM clock_timestamp() - a.xact_start)) AS age
    FROM pg_locks l
    JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.granted AND l.mode = 'AccessExclusiveLock' AND l.pid <> pg_backend_pid()
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.relation >= 16384
    ORDER BY a.xact_start
    LIMIT 5
) AS held;
