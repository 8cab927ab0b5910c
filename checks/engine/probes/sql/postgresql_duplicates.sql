-- Indexes that are equal in everything but their names (catalogue PG31).
-- source: pg_index
-- scope: any; versions: 14 and later
SELECT count(*) AS groups, json_agg(names ORDER BY names) AS culprits
FROM (
    SELECT format('%s on %s', string_agg(i.indexrelid::regclass::text, ', ' ORDER BY i.indexrelid),
                  i.indrelid::regclass) AS names
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indexrelid >= 16384 AND i.indisvalid AND c.relkind = 'i'
    GROUP BY i.indrelid, c.relam, i.indkey::text, i.indclass::text, i.indcollation::text, i.indoption::text,
             i.indnatts, i.indnkeyatts, coalesce(i.indexprs::text, ''), coalesce(i.indpred::text, '')
    HAVING count(*) > 1
) AS equal;
