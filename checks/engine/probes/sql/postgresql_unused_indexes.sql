-- Indexes that no query of this server used (catalogue PG30); those that hold a rule (unique, exclusion) are of use.
-- source: pg_stat_user_indexes
-- scope: any; versions: 14 and later
WITH unused AS (
    SELECT s.indexrelid::regclass AS name, c.relpages::bigint * 8192 AS bytes
    FROM pg_stat_user_indexes s
    JOIN pg_index i ON i.indexrelid = s.indexrelid
    JOIN pg_class c ON c.oid = s.indexrelid
    WHERE s.idx_scan = 0 AND NOT i.indisunique AND NOT i.indisprimary AND NOT i.indisexclusion
)
SELECT count(*) AS indexes,
       (SELECT json_agg(format('%s: %s', name, pg_size_pretty(bytes)) ORDER BY bytes DESC, name)
        FROM (SELECT * FROM unused ORDER BY bytes DESC LIMIT 20) AS largest) AS culprits
FROM unused;
