-- Checksums of pages, and where one failed last (catalogue PG40); the row without a database is the shared catalogue.
-- source: pg_stat_database
-- scope: any; versions: 14 and later
SELECT current_setting('data_checksums') = 'on' AS enabled,
       extract(epoch FROM clock_timestamp() - max(checksum_last_failure)) AS failure_age,
       json_agg(format('%s: last %s min ago', coalesce(datname, 'shared tables'),
                       round(extract(epoch FROM clock_timestamp() - checksum_last_failure) / 60))
                ORDER BY checksum_last_failure DESC) FILTER (WHERE checksum_last_failure IS NOT NULL) AS culprits
FROM pg_stat_database;
