-- What the suite may see: run once, as superuser or as owner of the application's tables, in the application's database:
--     psql --dbname=penhas --single-transaction --set=ON_ERROR_STOP=1 --file=postgresql.sql
-- then give the role its password with \password penhas_checks. Running it again changes nothing.
-- The role reads PostgreSQL's own statistics (pg_monitor) and the views below, which hold no content: no arguments,
-- results or notes of jobs, no row of any person. It may not read a table of the application, nor write anything.
-- Run it as superuser, and with the extension pgstattuple in place, or bloat is not known. Run it again after a restore.

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
DO $$
BEGIN
    -- From 16 on, so that the suite still gets in when the application has used up every connection.
    IF current_setting('server_version_num')::int >= 160000 THEN
        GRANT pg_use_reserved_connections TO penhas_checks;
    END IF;
END
$$;

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

-- How wide the columns are on average, for an estimate of what a table should take: no value of any column.
DO $$
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        CREATE OR REPLACE VIEW penhas_checks.column_widths AS
        SELECT starelid AS relation, staattnum AS number, max(stawidth * (1 - stanullfrac)) AS width
        FROM pg_catalog.pg_statistic
        GROUP BY starelid, staattnum;
        GRANT SELECT ON penhas_checks.column_widths TO penhas_checks;
    ELSE
        RAISE NOTICE 'not a superuser: bloat will not be known';
    END IF;
END
$$;

-- Sequences: which share of their numbers is used, and with `maxima` whether the column they fill is past them already.
-- Of the application's tables it reads max() of those columns, which begin an index, and shows only the comparison.
CREATE OR REPLACE FUNCTION penhas_checks.sequences(maxima boolean)
RETURNS TABLE (sequence text, filled text, used float8, narrow boolean, readable boolean, behind boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s record;
    reached bigint;
    most bigint;
BEGIN
    FOR s IN
        SELECT q.seqrelid, q.seqrelid::regclass::text AS name, q.seqstart, q.seqincrement, q.seqmin, q.seqmax,
               tn.nspname, t.relname, a.attname, t.oid AS relation,
               format('%I.%I', t.oid::regclass, a.attname) AS column_name,
               CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647
                               ELSE 9223372036854775807 END AS holds,
               has_sequence_privilege(q.seqrelid, 'SELECT,USAGE') AS readable,
               has_table_privilege(t.oid, 'SELECT') AS table_readable,
               EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indkey[0] = a.attnum AND i.indisvalid
                                                AND i.indpred IS NULL) AS indexed
        FROM pg_sequence q
        JOIN pg_class c ON c.oid = q.seqrelid AND c.relpersistence <> 't'
        LEFT JOIN LATERAL (
            -- A sequence belongs to a column, or a column takes its default from one that belongs to nobody.
            SELECT d.refobjid AS relation, d.refobjsubid AS number FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = q.seqrelid
              AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
            UNION
            SELECT f.adrelid, f.adnum FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
            WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = q.seqrelid
        ) AS o ON true
        LEFT JOIN pg_class t ON t.oid = o.relation
        LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
        LEFT JOIN pg_attribute a ON a.attrelid = o.relation AND a.attnum = o.number
        WHERE NOT q.seqcycle
        ORDER BY 2, 8, 9
    LOOP
        sequence := s.name;
        filled := coalesce(s.column_name, 'no column');
        narrow := s.holds < s.seqmax AND s.relation IS NOT NULL;
        readable := s.readable AND (NOT maxima OR s.relation IS NULL OR s.table_readable);
        behind := NULL;
        used := NULL;
        IF readable THEN
            reached := pg_sequence_last_value(s.seqrelid);
            IF reached IS NULL THEN
                used := 0;
            ELSIF s.seqincrement > 0 THEN
                used := (reached::float8 - s.seqmin) / (least(s.seqmax, s.holds)::float8 - s.seqmin);
            ELSE
                used := (s.seqmax::float8 - reached) / (s.seqmax::float8 - s.seqmin);
            END IF;
            IF maxima AND s.indexed AND s.seqincrement > 0 THEN
                EXECUTE format('SELECT max(%I)::bigint FROM %I.%I', s.attname, s.nspname, s.relname) INTO most;
                behind := coalesce(most >= coalesce(reached + s.seqincrement, s.seqstart), false);
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION penhas_checks.sequences(boolean) FROM PUBLIC;

-- The version that each migration tool says: Minion's and Mojo's own table, and sqitch's.
CREATE OR REPLACE FUNCTION penhas_checks.migrations()
RETURNS TABLE (tool text, version text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF to_regclass('public.mojo_migrations') IS NOT NULL THEN
        RETURN QUERY SELECT m.name, m.version::text FROM public.mojo_migrations m;
    END IF;
    IF to_regclass('sqitch.changes') IS NOT NULL THEN
        RETURN QUERY SELECT 'sqitch'::text, c.change::text FROM sqitch.changes c ORDER BY c.committed_at DESC LIMIT 1;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION penhas_checks.migrations() FROM PUBLIC;

-- The application's sessions: how many, how old, and how many past the guide's thirty days; of none whose.
CREATE OR REPLACE FUNCTION penhas_checks.sessions()
RETURNS TABLE (present boolean, dated boolean, rows bigint, expired bigint, oldest float8)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    present := to_regclass('public.clientes_active_sessions') IS NOT NULL;
    dated := EXISTS (SELECT FROM pg_attribute
                     WHERE attrelid = to_regclass('public.clientes_active_sessions') AND attname = 'created_at');
    rows := 0;
    expired := 0;
    IF dated THEN
        SELECT count(*), count(*) FILTER (WHERE s.created_at < now() - interval '30 d'),
               extract(epoch FROM now() - min(s.created_at))
        INTO rows, expired, oldest
        FROM public.clientes_active_sessions s;
    END IF;
    RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION penhas_checks.sessions() FROM PUBLIC;

GRANT SELECT ON penhas_checks.minion_jobs, penhas_checks.minion_workers TO penhas_checks;
GRANT EXECUTE ON FUNCTION penhas_checks.table_rows(), penhas_checks.sequences(boolean), penhas_checks.migrations(),
    penhas_checks.sessions() TO penhas_checks;
