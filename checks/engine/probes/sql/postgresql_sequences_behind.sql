-- Sequences that will hand out a number that is taken (catalogue PG35), as after a migration or a partial restore.
-- source: penhas_checks.sequences()
-- scope: primary; versions: 14 and later
SELECT count(*) FILTER (WHERE NOT readable) AS hidden,
       count(*) FILTER (WHERE behind) AS behind,
       json_agg(format('%s for %s', sequence, filled) ORDER BY sequence) FILTER (WHERE behind) AS culprits
FROM penhas_checks.sequences(true);
