-- Whether statement statistics are kept: loaded by the server, and installed in our database.
-- source: shared_preload_libraries, pg_extension
-- scope: any; versions: 14 and later
SELECT 'pg_stat_statements' = ANY (regexp_split_to_array(current_setting('shared_preload_libraries'), '\s*,\s*'))
           AS loaded,
       EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements') AS installed;
