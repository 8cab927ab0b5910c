-- Bloat of B-trees: an estimate from the widths of their columns, and only where that is bad the density of the leaves,
-- where the extension pgstattuple is there (catalogue PG89). It reads the index: the five worst, none above 1 GiB.
-- source: pg_class, penhas_checks.column_widths, penhas_checks.leaf_density()
-- scope: primary; versions: 14 and later
WITH estimate AS (
    SELECT c.oid, c.relpages::bigint * 8192 AS bytes,
           (c.reltuples * (16 + (SELECT sum(w.width) FROM penhas_checks.column_widths w
                                 WHERE w.relation = i.indrelid AND w.number = ANY (i.indkey)))
            / 8168 * 8192 / 0.9)::bigint AS expected
    FROM pg_class c
    JOIN pg_index i ON i.indexrelid = c.oid
    WHERE c.relkind = 'i' AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'btree')
      AND i.indexprs IS NULL AND i.indisvalid AND c.reltuples >= 0 AND c.relpages BETWEEN 128 AND 131072
), suspect AS (
    SELECT * FROM estimate WHERE bytes > expected * 1.5 ORDER BY bytes - expected DESC LIMIT 5
), measured AS (
    SELECT oid, bytes, density IS NULL AS estimated,
           -- greatest() would make 0 of an unknown density
           CASE WHEN density IS NULL THEN bytes - expected
                ELSE (bytes * greatest(0, 1 - density / 90))::bigint END AS wasted
    FROM (SELECT *, penhas_checks.leaf_density(oid) AS density FROM suspect) AS s
)
SELECT coalesce(max(wasted), 0) AS wasted, count(*) AS measured,
       json_agg(format('%s: %s of %s%s; REINDEX INDEX CONCURRENTLY mends it', oid::regclass, pg_size_pretty(wasted),
                       pg_size_pretty(bytes), CASE WHEN estimated THEN ', estimated' END) ORDER BY wasted DESC)
           AS culprits
FROM measured;
