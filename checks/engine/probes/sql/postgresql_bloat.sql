-- Bloat of tables: an estimate from the widths of columns, and only where that is bad a measurement, where there is the
-- extension pgstattuple (catalogue PG88). The five worst, none above 20 GiB, so that it ends.
-- source: pg_class, penhas_checks.column_widths, penhas_checks.table_waste()
-- scope: primary; versions: 14 and later
WITH estimate AS (
    SELECT c.oid, c.relpages::bigint * 8192 AS bytes,
           -- 24 bytes of header and 4 of pointer a row; a page holds 8168 bytes, of which fillfactor is used.
           (c.reltuples * (28 + w.width) / 8168 * 8192
            / coalesce((SELECT option_value::float8 / 100 FROM pg_options_to_table(c.reloptions)
                        WHERE option_name = 'fillfactor'), 1))::bigint AS expected
    FROM pg_class c
    JOIN (SELECT relation, sum(width) AS width FROM penhas_checks.column_widths GROUP BY relation) AS w
      ON w.relation = c.oid
    WHERE c.relkind IN ('r', 'm') AND c.reltuples >= 0 AND c.relpages BETWEEN 128 AND 2621440
), suspect AS (
    SELECT * FROM estimate WHERE bytes > expected * 1.3 ORDER BY bytes - expected DESC LIMIT 5
), measured AS (
    SELECT oid, bytes, coalesce(measurement, bytes - expected) AS wasted, measurement IS NULL AS estimated
    FROM (SELECT *, penhas_checks.table_waste(oid) AS measurement FROM suspect) AS s
)
SELECT coalesce(max(wasted), 0) AS wasted, count(*) AS measured,
       json_agg(format('%s: %s of %s%s; VACUUM FULL would lock it for all and need %s of disk', oid::regclass,
                       pg_size_pretty(wasted), pg_size_pretty(bytes), CASE WHEN estimated THEN ', estimated' END,
                       pg_size_pretty(bytes)) ORDER BY wasted DESC) AS culprits
FROM measured;
