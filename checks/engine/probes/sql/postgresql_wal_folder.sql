-- The size of pg_wal (catalogue PG25); segments kept to be used again count too.
-- source: pg_ls_waldir()
-- scope: any; versions: 14 and later
SELECT coalesce(sum(size), 0)::bigint AS bytes,
       coalesce(sum(size), 0)::float8 / (pg_size_bytes(current_setting('max_wal_size'))
                                         + pg_size_bytes(current_setting('wal_keep_size'))) AS ratio
FROM pg_ls_waldir()
WHERE name ~ '^[0-9A-F]{24}$';
