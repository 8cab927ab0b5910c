-- How near the oldest database is to the end of transaction numbers (catalogue PG12), and the oldest tables (PG13).
-- The server refuses writes 3 million before the end. template0 counts, although nobody can connect to it.
-- source: pg_database, pg_class
-- scope: any; versions: 14 and later
SELECT max(age(datfrozenxid)) / (2147483648 - 3000000)::float8 AS transactions_ratio,
       max(mxid_age(datminmxid)) / (2147483648 - 3000000)::float8 AS multixacts_ratio,
       greatest(max(age(datfrozenxid)) / current_setting('autovacuum_freeze_max_age')::float8,
                max(mxid_age(datminmxid)) / current_setting('autovacuum_multixact_freeze_max_age')::float8)
           AS forced_ratio,
       (SELECT json_agg(format('database %s: %s transactions', datname, age) ORDER BY age DESC, datname)
        FROM (SELECT datname, age(datfrozenxid) AS age FROM pg_database ORDER BY 2 DESC LIMIT 3) AS d)::jsonb
       || (SELECT json_agg(format('table %s: %s transactions', relation, age) ORDER BY age DESC, relation)
           FROM (SELECT oid::regclass AS relation, age(relfrozenxid) AS age
                 FROM pg_class WHERE relkind IN ('r', 'm', 't') ORDER BY 2 DESC LIMIT 5) AS t)::jsonb AS culprits
FROM pg_database;
