-- Whether statement statistics are kept: loaded by the server, not turned off, and installed in our database.
-- source: shared_preload_libraries, pg_stat_statements.track, compute_query_id, pg_extension
-- scope: any; versions: 14 and later
SELECT 'pg_stat_statements' = ANY (regexp_split_to_array(current_setting('shared_preload_libraries'), '\s*,\s*'))
           AS loaded,
       concat_ws(' and ', CASE WHEN current_setting('pg_stat_statements.track', true) = 'none'
                               THEN 'pg_stat_statements.track = none' END,
                 CASE WHEN current_setting('compute_query_id') = 'off' THEN 'compute_query_id = off' END) AS turned_off,
       EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements') AS installed;
