-- What checks.take_backup may see: run once, as superuser, in the application's database:
--     psql --dbname=penhas --single-transaction --set=ON_ERROR_STOP=1 --file=postgresql-backup.sql
-- then give the role its password with \password penhas_backup. Running it again changes nothing.
-- The role reads everything, row security or not, since a backup must hold everything; it may write nothing. PostgreSQL 14
-- or newer has pg_read_all_data; before, take backups as the owner of the tables or as superuser.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'penhas_backup') THEN
        CREATE ROLE penhas_backup LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
    END IF;
END
$$;
ALTER ROLE penhas_backup BYPASSRLS CONNECTION LIMIT 5;
ALTER ROLE penhas_backup SET default_transaction_read_only = on;
-- Large objects have owners of their own, whom pg_read_all_data does not reach.
ALTER ROLE penhas_backup SET lo_compat_privileges = on;
GRANT pg_read_all_data, pg_monitor TO penhas_backup;
