-- Roles and databases with a connection limit of their own (catalogue PG04), our own role left out.
-- source: pg_roles, pg_database, pg_stat_activity
-- scope: any; versions: 14 and later
WITH limited AS (
    SELECT 'role ' || r.rolname AS name, r.rolconnlimit AS most,
           (SELECT count(*) FROM pg_stat_activity a
            WHERE a.usesysid = r.oid AND a.backend_type = 'client backend') AS used
    FROM pg_roles r
    WHERE r.rolconnlimit > 0 AND r.rolname <> current_user
    UNION ALL
    SELECT 'database ' || d.datname, d.datconnlimit,
           (SELECT count(*) FROM pg_stat_activity a WHERE a.datid = d.oid AND a.backend_type = 'client backend')
    FROM pg_database d
    WHERE d.datconnlimit > 0
)
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type IS NULL) AS hidden,
       coalesce(max(used::float8 / most), 0) AS used_ratio,
       json_agg(format('%s: %s of %s', name, used, most) ORDER BY used::float8 / most DESC, name)
           FILTER (WHERE used > 0) AS culprits
FROM limited;
