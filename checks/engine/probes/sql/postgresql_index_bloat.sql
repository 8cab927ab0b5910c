-- Bloat of B-trees: an estimate from the widths of their columns, and only where that is bad a measurement of their pages,
-- where the extension pgstattuple is there (catalogue PG89). Of the five worst it reads at most 256 MiB, so that it ends
-- within the statement's timeout: what is larger is judged by its estimate, and what cannot be estimated is named.
-- The index of a TOAST table is of two columns of 4 bytes; those of other sessions' temporary tables cannot be read.
-- source: pg_class, penhas_checks.column_widths, penhas_checks.index_waste()
-- scope: primary; versions: 14 and later
WITH indexes AS (
    SELECT c.oid, c.relpages, c.relpages::bigint * 8192 AS bytes, i.indexprs IS NULL AS plain,
           CASE WHEN i.indexprs IS NULL AND c.reltuples >= 0
                THEN (c.reltuples * (16 + CASE WHEN t.relkind = 't' THEN 8
                                               ELSE (SELECT sum(w.width) FROM penhas_checks.column_widths w
                                                     WHERE w.relation = i.indrelid AND w.number = ANY (i.indkey)) END)
                      / 8168 * 8192
                      / coalesce((SELECT option_value::float8 / 100 FROM pg_options_to_table(c.reloptions)
                                  WHERE option_name = 'fillfactor'), 0.9))::bigint END AS expected
    FROM pg_class c
    JOIN pg_index i ON i.indexrelid = c.oid
    JOIN pg_class t ON t.oid = i.indrelid
    WHERE c.relkind = 'i' AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'btree')
      AND i.indisvalid AND c.relpages >= 128 AND c.relpersistence <> 't'
), unknown AS (
    -- Of the system's own, pg_statistic has no statistics by nature.
    SELECT * FROM indexes WHERE expected IS NULL AND oid >= 16384
), suspect AS (
    SELECT *, sum(relpages) OVER (ORDER BY relpages, oid) <= 32768 AS readable
    FROM (SELECT * FROM indexes WHERE bytes > expected * 1.5 ORDER BY bytes - expected DESC LIMIT 5) AS worst
), measured AS (
    SELECT oid, bytes, coalesce(measurement, bytes - expected) AS wasted, measurement IS NULL AS estimated
    FROM (SELECT *, CASE WHEN readable THEN penhas_checks.index_waste(oid) END AS measurement FROM suspect) AS s
)
SELECT coalesce(max(wasted), 0) AS wasted, count(*) AS measured,
       (SELECT count(*) FROM unknown) AS not_known,
       coalesce(json_agg(format('%s: %s of %s%s; REINDEX INDEX CONCURRENTLY mends it', oid::regclass,
                                pg_size_pretty(wasted), pg_size_pretty(bytes),
                                CASE WHEN estimated THEN ', estimated' END) ORDER BY wasted DESC), '[]')::jsonb
       || (SELECT coalesce(json_agg(format('%s: not known, %s', oid::regclass,
                                           CASE WHEN plain THEN 'its table has no statistics: ANALYZE it'
                                                ELSE 'it is one of expressions' END)), '[]')::jsonb
           FROM (SELECT * FROM unknown ORDER BY bytes DESC, oid LIMIT 5) AS n) AS culprits
FROM measured;
