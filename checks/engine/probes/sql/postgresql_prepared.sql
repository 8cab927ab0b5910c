-- Prepared transactions (catalogue PG10); their names are the application's and are not shown.
-- source: pg_prepared_xacts
-- scope: any; versions: 14 and later
SELECT count(*) AS transactions,
       coalesce(max(extract(epoch FROM clock_timestamp() - prepared)), 0) AS oldest,
       json_agg(format('transaction %s of %s in %s, for %s s', transaction, owner, database,
                       round(extract(epoch FROM clock_timestamp() - prepared))) ORDER BY prepared) AS culprits
FROM pg_prepared_xacts;
