-- Bloat of tables: an estimate from the widths of columns, and only where that is bad a measurement, where there is the
-- extension pgstattuple (catalogue PG88). Of the five worst it reads at most 256 MiB of pages, so that it ends within
-- the statement's timeout: what is larger is judged by its estimate, and what cannot be estimated is named. A TOAST table
-- has no statistics: its pieces are taken for whole ones, of which a page holds four. Temporary tables of other sessions
-- cannot be read.
-- source: pg_class, penhas_checks.column_widths, penhas_checks.table_waste()
-- scope: primary; versions: 14 and later
WITH tables AS (
    SELECT c.oid, c.relkind, coalesce((SELECT format('the TOAST of %s', o.oid::regclass) FROM pg_class o
                                       WHERE c.relkind = 't' AND o.reltoastrelid = c.oid),
                                      c.oid::regclass::text) AS name,
           c.relpages::bigint * 8192 AS bytes, greatest(c.relpages - c.relallvisible, 0) AS unread,
           -- 24 bytes of header and 4 of pointer a row; a page holds 8168 bytes, of which fillfactor is used.
           CASE WHEN c.reltuples >= 0 AND c.relkind = 't' THEN (c.reltuples / 4 * 8192)::bigint
                WHEN c.reltuples >= 0
                THEN (c.reltuples * (28 + w.width) / 8168 * 8192
                      / coalesce((SELECT option_value::float8 / 100 FROM pg_options_to_table(c.reloptions)
                                  WHERE option_name = 'fillfactor'), 1))::bigint END AS expected
    FROM pg_class c
    LEFT JOIN (SELECT relation, sum(width) AS width FROM penhas_checks.column_widths GROUP BY relation) AS w
      ON w.relation = c.oid
    WHERE c.relkind IN ('r', 'm', 't') AND c.relpersistence <> 't'
      -- A table that was never vacuumed or analysed has no number of pages yet.
      AND (c.relpages >= 128 OR c.reltuples < 0 AND pg_stat_get_live_tuples(c.oid) >= 10000)
), unknown AS (
    -- Of the system's own, pg_statistic has no statistics by nature.
    SELECT * FROM tables WHERE expected IS NULL AND oid >= 16384
), suspect AS (
    SELECT *, sum(unread) OVER (ORDER BY unread, oid) <= 32768 AS readable
    FROM (SELECT * FROM tables WHERE bytes > expected * 1.3 ORDER BY bytes - expected DESC LIMIT 5) AS worst
), measured AS (
    SELECT name, bytes, coalesce(measurement, bytes - expected) AS wasted, measurement IS NULL AS estimated
    FROM (SELECT *, CASE WHEN readable THEN penhas_checks.table_waste(oid) END AS measurement FROM suspect) AS s
)
SELECT coalesce(max(wasted), 0) AS wasted, count(*) AS measured,
       (SELECT count(*) FROM unknown) AS not_known,
       coalesce(json_agg(format('%s: %s of %s%s; VACUUM FULL would lock it for all and need %s of disk', name,
                                pg_size_pretty(wasted), pg_size_pretty(bytes),
                                CASE WHEN estimated THEN ', estimated' END, pg_size_pretty(bytes))
                         ORDER BY wasted DESC), '[]')::jsonb
       || (SELECT coalesce(json_agg(format('%s: not known, it has no statistics: %s it', name,
                                           CASE WHEN relkind = 't' THEN 'VACUUM' ELSE 'ANALYZE' END)), '[]')::jsonb
           FROM (SELECT name, relkind FROM unknown ORDER BY bytes DESC, oid LIMIT 5) AS n) AS culprits
FROM measured;
