-- Sequences by how much of their numbers, or of the numbers of the column that they fill, is used (catalogue PG33), and
-- in one line the columns that end before their sequence does.
-- source: penhas_checks.sequences()
-- scope: primary; versions: 14 and later
SELECT count(*) FILTER (WHERE NOT readable) AS hidden,
       coalesce(max(used), 0) AS used_ratio,
       count(*) FILTER (WHERE narrow) AS narrow,
       (SELECT coalesce(json_agg(format('%s for %s: %s %%', sequence, filled, round(used::numeric * 100, 1))
                                 ORDER BY used DESC), '[]')::jsonb
        FROM (SELECT * FROM penhas_checks.sequences(false) WHERE used > 0.5 ORDER BY used DESC LIMIT 20) AS worst)
       || (SELECT coalesce(json_agg('end before their sequence: ' || names), '[]')::jsonb
           FROM (SELECT string_agg(filled, ', ' ORDER BY filled) AS names
                 FROM penhas_checks.sequences(false) WHERE narrow) AS n WHERE names IS NOT NULL) AS culprits
FROM penhas_checks.sequences(false);
