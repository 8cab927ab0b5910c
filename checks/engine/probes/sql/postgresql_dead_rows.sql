-- Tables past the numbers at which autovacuum takes them up (catalogue PG15, PG16), with their own settings and with
-- autovacuum_vacuum_max_threshold of 18 and later. Fewer than 10,000 rows do not count. A TOAST table that has no settings
-- of its own goes by its table's, and is never analysed.
-- source: pg_stat_all_tables, pg_class
-- scope: primary; versions: 14 and later
WITH setting AS (
    SELECT CASE WHEN m.oid IS NULL THEN c.oid::regclass::text
                ELSE format('the TOAST of %s', m.oid::regclass) END AS name,
           s.n_dead_tup, s.n_ins_since_vacuum, CASE WHEN m.oid IS NULL THEN s.n_mod_since_analyze ELSE 0 END
               AS n_mod_since_analyze, greatest(c.reltuples, 0) AS tuples,
           (SELECT jsonb_object_agg(option_name, option_value)
            FROM pg_options_to_table(coalesce(c.reloptions, m.reloptions))) AS own
    FROM pg_stat_all_tables s JOIN pg_class c ON c.oid = s.relid
    LEFT JOIN pg_class m ON m.reltoastrelid = c.oid AND c.relkind = 't'
    WHERE s.schemaname NOT IN ('pg_catalog', 'information_schema') AND coalesce(m.oid, c.oid) >= 16384
), number AS (
    SELECT name, n_dead_tup, n_ins_since_vacuum, n_mod_since_analyze,
           coalesce(own ->> 'autovacuum_vacuum_threshold', current_setting('autovacuum_vacuum_threshold'))::float8
           + coalesce(own ->> 'autovacuum_vacuum_scale_factor',
                      current_setting('autovacuum_vacuum_scale_factor'))::float8 * tuples AS dead_at,
           nullif(coalesce(own ->> 'autovacuum_vacuum_max_threshold',
                           current_setting('autovacuum_vacuum_max_threshold', true))::float8, -1) AS dead_at_most,
           coalesce(own ->> 'autovacuum_vacuum_insert_threshold',
                    current_setting('autovacuum_vacuum_insert_threshold'))::float8
           + coalesce(own ->> 'autovacuum_vacuum_insert_scale_factor',
                      current_setting('autovacuum_vacuum_insert_scale_factor'))::float8 * tuples AS inserted_at,
           coalesce(own ->> 'autovacuum_analyze_threshold', current_setting('autovacuum_analyze_threshold'))::float8
           + coalesce(own ->> 'autovacuum_analyze_scale_factor',
                      current_setting('autovacuum_analyze_scale_factor'))::float8 * tuples AS modified_at
    FROM setting
), share AS (
    SELECT name, n_dead_tup, n_ins_since_vacuum, n_mod_since_analyze,
           CASE WHEN n_dead_tup >= 10000
                THEN n_dead_tup / greatest(least(dead_at, coalesce(dead_at_most, dead_at)), 1) ELSE 0 END AS dead,
           -- A threshold of -1 turns vacuuming for inserts off.
           CASE WHEN n_ins_since_vacuum >= 10000 AND inserted_at >= 0
                THEN n_ins_since_vacuum / greatest(inserted_at, 1) ELSE 0 END AS inserted,
           CASE WHEN n_mod_since_analyze >= 10000
                THEN n_mod_since_analyze / greatest(modified_at, 1) ELSE 0 END AS modified
    FROM number
)
SELECT coalesce(max(dead), 0) AS dead_ratio,
       coalesce(max(inserted), 0) AS inserted_ratio,
       coalesce(max(modified), 0) AS modified_ratio,
       (SELECT json_agg(format('%s: %s dead, %s inserted since vacuum, %s modified since analyse', name,
                               n_dead_tup, n_ins_since_vacuum, n_mod_since_analyze)
                        ORDER BY greatest(dead, inserted, modified) DESC)
        FROM (SELECT * FROM share WHERE greatest(dead, inserted, modified) >= 1
              ORDER BY greatest(dead, inserted, modified) DESC LIMIT 20) AS worst) AS culprits
FROM share;
