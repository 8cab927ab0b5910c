-- Sessions that hold a lock of which others may be kept waiting (ours among them), the strongest of each; on tables of the
-- system's own too, as VACUUM FULL takes it. Functions only, and no table: that which is locked may be what planning needs.
-- source: pg_lock_status(), pg_stat_get_activity()
-- scope: any; versions: 14 and later
SELECT json_agg(format('pid %s (%s, %s, %s, transaction for %s s) holds %s on %s', pid, usename, application_name,
                       state, age, mode, relation) ORDER BY age DESC) AS culprits
FROM (
    SELECT a.pid, pg_get_userbyid(a.usesysid) AS usename, nullif(a.application_name, '') AS application_name, a.state,
           l.mode, l.relation::regclass AS relation,
           round(extract(epoch FROM clock_timestamp() - a.xact_start)) AS age
    FROM pg_lock_status() l
    JOIN pg_stat_get_activity(NULL) a ON a.pid = l.pid
    WHERE l.granted AND l.mode = 'AccessExclusiveLock' AND l.pid <> pg_backend_pid() AND l.locktype = 'relation'
      AND l.database IN (0, (SELECT datid FROM pg_stat_get_activity(pg_backend_pid())))
    ORDER BY a.xact_start, l.relation
    LIMIT 5
) AS held;
