-- Statements of our database by queryid, our own left out (catalogue PG44b). Their text is not asked for: it holds
-- literals. Those of superusers are marked: theirs are also dumps and builds of indexes. To be compared are the 500 with
-- the longest call: a mean is never above it.
-- source: pg_stat_statements
-- scope: any; versions: 14 and later
WITH mine AS (
    SELECT s.queryid, r.rolsuper, sum(s.calls) AS calls, sum(s.total_exec_time) AS total,
           max(s.max_exec_time) AS longest
    FROM pg_stat_statements(false) AS s
    JOIN pg_roles r ON r.oid = s.userid
    WHERE s.queryid IS NOT NULL AND r.rolname <> current_user
      AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    GROUP BY s.queryid, r.rolsuper
    HAVING sum(s.calls) > 0 -- one that was planned and never ended has none
)
SELECT (SELECT count(*) FROM pg_stat_statements(false) WHERE queryid IS NULL) AS hidden,
       (SELECT json_agg(format('queryid %s%s: %s calls, mean %s ms', queryid,
                               CASE WHEN rolsuper THEN ' of a superuser' END, calls, round((total / calls)::numeric, 2))
                        ORDER BY calls DESC, queryid)
        FROM (SELECT * FROM mine ORDER BY calls DESC, queryid LIMIT 20) AS f) AS frequent,
       (SELECT json_agg(format('%s %s %s%s', queryid, calls, total::numeric, CASE WHEN rolsuper THEN ' superuser' END)
                        ORDER BY queryid, rolsuper)
        FROM (SELECT * FROM mine ORDER BY longest DESC, queryid LIMIT 500) AS l) AS longest;
