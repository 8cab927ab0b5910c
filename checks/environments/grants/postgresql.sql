-- What the suite may see: run once, as superuser or as owner of the application's tables, in the application's database:
--     psql --dbname=penhas --single-transaction --set=ON_ERROR_STOP=1 --file=postgresql.sql
-- then give the role its password with \password penhas_checks. Running it again changes nothing.
-- The role reads PostgreSQL's own statistics (pg_monitor) and the views below, which hold no content: no arguments,
-- results or notes of jobs, no row of any person. It may not read a table of the application, nor write anything.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'penhas_checks') THEN
        CREATE ROLE penhas_checks LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
END
$$;
ALTER ROLE penhas_checks CONNECTION LIMIT 5;
ALTER ROLE penhas_checks SET default_transaction_read_only = on;
GRANT pg_monitor TO penhas_checks;

CREATE SCHEMA IF NOT EXISTS penhas_checks;
REVOKE ALL ON SCHEMA penhas_checks FROM PUBLIC;
GRANT USAGE ON SCHEMA penhas_checks TO penhas_checks;

-- Minion's jobs without args, result and notes, which may hold telephone numbers and messages.
CREATE OR REPLACE VIEW penhas_checks.minion_jobs AS
SELECT id, queue, task, state::text AS state, priority, attempts, retries, created, delayed, retried, started, finished,
       expires, worker, parents, lax
FROM public.minion_jobs;

-- Minion's workers without inbox; unlogged, so not readable on a replica.
CREATE OR REPLACE VIEW penhas_checks.minion_workers AS
SELECT id, host, pid, started, notified, status -> 'queues' AS queues, (status ->> 'jobs')::int AS jobs
FROM public.minion_workers;

-- Counts only: how many rows each table holds, which a restored backup is compared with. It reads every table, so it
-- is called on a replica and only where a backup is restored. Unlogged tables are empty on a replica: left out.
CREATE OR REPLACE FUNCTION penhas_checks.table_rows()
RETURNS TABLE (schema_name text, table_name text, row_count bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    FOR schema_name, table_name IN
        SELECT n.nspname, c.relname
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND c.relpersistence = 'p'
          AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'penhas_checks') AND n.nspname NOT LIKE 'pg\_%'
        ORDER BY 1, 2
    LOOP
        EXECUTE format('SELECT count(*) FROM %I.%I', schema_name, table_name) INTO row_count;
        RETURN NEXT;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION penhas_checks.table_rows() FROM PUBLIC;

GRANT SELECT ON penhas_checks.minion_jobs, penhas_checks.minion_workers TO penhas_checks;
GRANT EXECUTE ON FUNCTION penhas_checks.table_rows() TO penhas_checks;
