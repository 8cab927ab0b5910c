-- The guide's tables that changed since they were vacuumed or analysed, and the longest that is ago: one that did not
-- change need not be.
-- source: pg_stat_user_tables
-- scope: primary; versions: 14 and later
SELECT count(*) AS tables,
       count(*) FILTER (WHERE dead AND vacuumed IS NULL OR modified AND analysed IS NULL) AS never,
       -- greatest() passes over what is NULL
       coalesce(max(greatest(CASE WHEN dead THEN vacuumed END, CASE WHEN modified THEN analysed END)), 0) AS longest,
       json_agg(format('%s: %s%s%s', relname,
                       CASE WHEN dead THEN 'vacuumed ' || coalesce(round(vacuumed / 86400, 1) || ' d ago', 'never') END,
                       CASE WHEN dead AND modified THEN ', ' END,
                       CASE WHEN modified THEN 'analysed ' || coalesce(round(analysed / 86400, 1) || ' d ago', 'never') END)
                ORDER BY relname) FILTER (WHERE dead OR modified) AS culprits
FROM (
    SELECT relname, n_dead_tup > 0 AS dead, n_mod_since_analyze > 0 AS modified,
           extract(epoch FROM now() - greatest(last_vacuum, last_autovacuum)) AS vacuumed,
           extract(epoch FROM now() - greatest(last_analyze, last_autoanalyze)) AS analysed
    FROM pg_stat_user_tables
    WHERE schemaname = 'public' AND relname IN ('clientes', 'ponto_apoio', 'chat_message', 'clientes_audios')
) AS t;
