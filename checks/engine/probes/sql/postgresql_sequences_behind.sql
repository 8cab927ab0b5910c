-- Sequences that will hand out a number that is taken (catalogue PG35), as after a migration or a partial restore, and in
-- one line each the columns of which that is not known: no index begins with them, they hold no numbers, or fall.
-- source: penhas_checks.sequences()
-- scope: primary; versions: 14 and later
WITH found AS (
    SELECT *, readable AND behind IS NULL AND filled <> 'no column' AS unknown FROM penhas_checks.sequences(true)
)
SELECT count(*) FILTER (WHERE NOT readable) AS hidden,
       count(*) FILTER (WHERE behind) AS behind,
       count(*) FILTER (WHERE unknown) AS uncompared,
       coalesce(json_agg(format('%s for %s', sequence, filled) ORDER BY sequence) FILTER (WHERE behind), '[]')::jsonb
       || coalesce(json_agg('not known, as no index begins with a column of numbers: ' || filled ORDER BY filled)
                   FILTER (WHERE unknown), '[]')::jsonb AS culprits
FROM found;
