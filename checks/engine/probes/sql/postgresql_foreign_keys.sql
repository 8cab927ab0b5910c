-- Foreign keys whose columns begin no index (catalogue PG32), partitions by their parent only.
-- source: pg_constraint, pg_index
-- scope: any; versions: 14 and later
SELECT count(*) AS unindexed,
       json_agg(format('%s on %s', k.conname, k.conrelid::regclass) ORDER BY k.conrelid::regclass::text, k.conname)
           AS culprits
FROM pg_constraint k
WHERE k.contype = 'f' AND k.conparentid = 0
  AND NOT EXISTS (SELECT FROM pg_index i
                  WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL
                    AND (i.indkey::smallint[])[0:cardinality(k.conkey) - 1] @> k.conkey);
