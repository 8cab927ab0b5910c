-- Roles and databases with a connection limit of their own (catalogue PG04), our own role left out. A limit of 0 lets nobody
-- in: full, of our database and of roles that may connect to it. Superusers have no limit.
-- source: pg_roles, pg_database, pg_stat_activity
-- scope: any; versions: 14 and later
WITH limited AS (
    SELECT 'role ' || r.rolname AS name, r.rolconnlimit AS most,
           (SELECT count(*) FROM pg_stat_activity a
            WHERE a.usesysid = r.oid AND a.backend_type = 'client backend') AS used
    FROM pg_roles r
    WHERE r.rolconnlimit >= 0 AND r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> current_user
      AND (r.rolconnlimit > 0 OR has_database_privilege(r.oid, current_database(), 'CONNECT'))
    UNION ALL
    SELECT 'database ' || d.datname, d.datconnlimit,
           (SELECT count(*) FROM pg_stat_activity a WHERE a.datid = d.oid AND a.backend_type = 'client backend')
    FROM pg_database d
    WHERE d.datconnlimit > 0 OR d.datconnlimit = 0 AND d.datname = current_database()
), full_by AS (
    SELECT name, most, used, coalesce(used::float8 / nullif(most, 0), 1) AS share FROM limited
)
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type IS NULL) AS hidden,
       coalesce(max(share), 0) AS used_ratio,
       json_agg(format('%s: %s of %s', name, used, most) ORDER BY share DESC, name)
           FILTER (WHERE used > 0 OR most = 0) AS culprits
FROM full_by;
