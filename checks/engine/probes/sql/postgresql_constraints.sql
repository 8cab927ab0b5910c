-- Constraints that were never validated, and triggers that were turned off (catalogue PG37), those by which the server
-- enforces foreign keys included.
-- source: pg_constraint, pg_trigger
-- scope: any; versions: 14 and later
SELECT count(*) AS findings, json_agg(finding ORDER BY finding) AS culprits
FROM (
    SELECT format('constraint %s on %s is not validated', conname, nullif(conrelid, 0)::regclass) AS finding
    FROM pg_constraint k WHERE NOT convalidated AND to_jsonb(k) ->> 'conenforced' IS DISTINCT FROM 'false'
    UNION ALL
    SELECT format('constraint %s on %s is NOT ENFORCED: ALTER CONSTRAINT … ENFORCED', conname, conrelid::regclass)
    FROM pg_constraint k WHERE to_jsonb(k) ->> 'conenforced' = 'false' -- 18 and later
    UNION ALL
    SELECT format('trigger %s on %s is off', tgname, tgrelid::regclass)
    FROM pg_trigger WHERE tgenabled IN ('D', 'R') AND NOT tgisinternal
    UNION
    SELECT format('constraint %s on %s is not enforced, its triggers are off', c.conname, c.conrelid::regclass)
    FROM pg_trigger t JOIN pg_constraint c ON c.oid = t.tgconstraint
    WHERE t.tgenabled IN ('D', 'R') AND t.tgisinternal
) AS f;
