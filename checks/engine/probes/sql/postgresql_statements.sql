-- Statements of our database by queryid, those of superusers and our own left out (catalogue PG44b). Their text is not
-- asked for: it holds literals.
-- source: pg_stat_statements
-- scope: any; versions: 14 and later
WITH mine AS (
    SELECT s.queryid, sum(s.calls) AS calls, sum(s.total_exec_time) AS total, max(s.max_exec_time) AS longest
    FROM pg_stat_statements(false) AS s
    JOIN pg_roles r ON r.oid = s.userid
    WHERE s.queryid IS NOT NULL AND NOT r.rolsuper AND r.rolname <> current_user
      AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    GROUP BY s.queryid
)
SELECT (SELECT count(*) FROM pg_stat_statements(false) WHERE queryid IS NULL) AS hidden,
       (SELECT json_agg(format('queryid %s: %s calls, mean %s ms', queryid, calls, round((total / calls)::numeric, 2))
                        ORDER BY calls DESC, queryid)
        FROM (SELECT * FROM mine ORDER BY calls DESC, queryid LIMIT 20) AS f) AS frequent,
       (SELECT json_agg(format('%s %s %s', queryid, calls, total::numeric) ORDER BY queryid)
        FROM (SELECT * FROM mine WHERE longest > 1000 ORDER BY total DESC LIMIT 200) AS l) AS slow;
