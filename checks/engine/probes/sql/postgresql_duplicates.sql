-- Indexes that are equal in everything but their names (catalogue PG31), unique ones only to those that forbid the same; and
-- plain ones beside a unique one of the same columns, which serves every query that they do.
-- source: pg_index
-- scope: any; versions: 14 and later (NULLS NOT DISTINCT: 15 and later)
WITH indexes AS (
    SELECT i.indexrelid, i.indrelid, i.indisunique,
           concat_ws(' ', c.relam, i.indkey, i.indclass, i.indcollation, i.indoption, i.indnatts, i.indnkeyatts,
                     coalesce(i.indexprs::text, ''), coalesce(i.indpred::text, '')) AS columns,
           CASE WHEN i.indisunique OR i.indisexclusion
                THEN concat_ws(' ', i.indisunique, i.indimmediate, to_jsonb(i) ->> 'indnullsnotdistinct') END AS forbids
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indexrelid >= 16384 AND i.indisvalid AND c.relkind = 'i'
), equal AS (
    SELECT format('%s on %s', string_agg(indexrelid::regclass::text, ', ' ORDER BY indexrelid),
                  indrelid::regclass) AS names
    FROM indexes
    GROUP BY indrelid, columns, forbids
    HAVING count(*) > 1
    UNION ALL
    SELECT format('%s on %s, where %s is unique and serves too: drop the first', p.indexrelid::regclass,
                  p.indrelid::regclass, min(u.indexrelid)::regclass)
    FROM indexes p
    JOIN indexes u ON u.indrelid = p.indrelid AND u.columns = p.columns AND u.indisunique
    WHERE p.forbids IS NULL
    GROUP BY p.indexrelid, p.indrelid
)
SELECT count(*) AS groups, json_agg(names ORDER BY names) AS culprits
FROM equal;
