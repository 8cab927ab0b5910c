-- The guide's tables that changed and were not vacuumed or analysed within a day: one that did not change need not be.
-- source: pg_stat_user_tables
-- scope: primary; versions: 14 and later
SELECT count(*) AS tables,
       count(*) FILTER (WHERE dead OR modified) AS stale,
       json_agg(format('%s: %s%s%s', relname,
                       CASE WHEN dead THEN 'vacuumed ' || coalesce(vacuumed || ' d ago', 'never') END,
                       CASE WHEN dead AND modified THEN ', ' END,
                       CASE WHEN modified THEN 'analysed ' || coalesce(analysed || ' d ago', 'never') END)
                ORDER BY relname) FILTER (WHERE dead OR modified) AS culprits
FROM (
    SELECT relname,
           n_dead_tup > 0 AND coalesce(greatest(last_vacuum, last_autovacuum), '-infinity')
               < now() - interval '26 h' AS dead,
           n_mod_since_analyze > 0 AND coalesce(greatest(last_analyze, last_autoanalyze), '-infinity')
               < now() - interval '26 h' AS modified,
           round(extract(epoch FROM now() - greatest(last_vacuum, last_autovacuum)) / 86400, 1) AS vacuumed,
           round(extract(epoch FROM now() - greatest(last_analyze, last_autoanalyze)) / 86400, 1) AS analysed
    FROM pg_stat_user_tables
    WHERE schemaname = 'public' AND relname IN ('clientes', 'ponto_apoio', 'chat_message', 'clientes_audios')
) AS t;
