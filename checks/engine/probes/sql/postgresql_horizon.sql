-- The oldest row version that VACUUM must keep, in transactions, and for whose sake (catalogue PG11). A session that
-- wrote holds it by its transaction id, also where it has no snapshot. What a standby's feedback says may be its echo.
-- source: pg_stat_activity, pg_prepared_xacts, pg_replication_slots, pg_stat_replication
-- scope: primary; versions: 14 and later
WITH held AS (
    SELECT format('pid %s (%s, %s, %s)', pid, usename, nullif(application_name, ''), state) AS who,
           greatest(age(backend_xmin), age(backend_xid)) AS age, 0 AS echo
    FROM pg_stat_activity
    WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) AND pid <> pg_backend_pid() AND backend_type <> 'walsender'
    UNION ALL
    SELECT format('a prepared transaction of %s in %s', owner, database), age(transaction), 0 FROM pg_prepared_xacts
    UNION ALL
    SELECT format('slot %s', slot_name), greatest(age(xmin), age(catalog_xmin)), 1 FROM pg_replication_slots
    WHERE xmin IS NOT NULL OR catalog_xmin IS NOT NULL
    UNION ALL
    SELECT format('standby %s, by its feedback', application_name), age(backend_xmin), 1 FROM pg_stat_replication
    WHERE backend_xmin IS NOT NULL
)
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type IS NULL) AS hidden,
       coalesce(max(age), 0) AS transactions,
       (SELECT json_agg(format('%s: %s transactions', who, age) ORDER BY age DESC, echo, who)
        FROM (SELECT * FROM held ORDER BY age DESC, echo, who LIMIT 5) AS oldest) AS culprits
FROM held;
