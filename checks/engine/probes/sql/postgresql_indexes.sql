-- Indexes that cost writes and serve no query (catalogue PG29): not those being built now, nor parents of partitions.
-- source: pg_index, pg_stat_progress_create_index
-- scope: any; versions: 14 and later
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type IS NULL) AS hidden,
       count(*) AS invalid,
       json_agg(format('%s on %s', i.indexrelid::regclass, i.indrelid::regclass) ORDER BY i.indexrelid::regclass::text)
           AS culprits
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relkind = 'i' AND NOT (i.indisvalid AND i.indisready AND i.indislive)
  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p
                  WHERE p.index_relid = i.indexrelid OR p.relid = i.indrelid);
