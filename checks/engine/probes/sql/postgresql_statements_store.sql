-- How full the statement statistics are, and how often entries were thrown away (catalogue PG44).
-- source: pg_stat_statements, pg_stat_statements_info
-- scope: any; versions: 14 and later
SELECT count(*) FILTER (WHERE s.queryid IS NULL) AS hidden,
       count(*)::float8 / current_setting('pg_stat_statements.max')::int AS used_ratio,
       (SELECT dealloc FROM pg_stat_statements_info) AS thrown_away,
       (SELECT extract(epoch FROM stats_reset)::text FROM pg_stat_statements_info) AS reset
FROM pg_stat_statements(false) AS s;
