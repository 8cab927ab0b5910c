-- Only for --allow-writes, and only where the environment file sets [minion] canary. Run it after postgresql.sql, as
-- superuser or as owner of the application's tables, in the application's database:
--     psql --dbname=penhas --single-transaction --set=ON_ERROR_STOP=1 --file=minion-canary.sql
-- then give the role its password with \password penhas_checks_canary. Running it again changes nothing.
-- The role may read no table and write none. It may enqueue a job without arguments, ask for its state and remove it
-- again, by three functions that know a job of ours by its note and touch no other. Let the task be one that does nothing.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'penhas_checks_canary') THEN
        CREATE ROLE penhas_checks_canary LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
END
$$;
ALTER ROLE penhas_checks_canary CONNECTION LIMIT 2;
GRANT USAGE ON SCHEMA penhas_checks TO penhas_checks_canary;

-- A job of ours, which no worker takes any more after so many seconds: Minion then removes it.
CREATE OR REPLACE FUNCTION penhas_checks.canary_enqueue(task text, queue text, seconds integer)
RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO public.minion_jobs (args, attempts, delayed, expires, notes, priority, queue, task)
    VALUES ('[]', 1, now(), now() + make_interval(secs => least(seconds, 600)), '{"penhas_checks": "canary"}', 0,
            canary_enqueue.queue, canary_enqueue.task)
    RETURNING id
$$;

-- inactive, active, finished or failed; gone where somebody removed it.
CREATE OR REPLACE FUNCTION penhas_checks.canary_state(job bigint) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT j.state::text FROM public.minion_jobs j
                     WHERE j.id = job AND j.notes @> '{"penhas_checks": "canary"}'), 'gone')
$$;

-- Removes it, and what a run that was killed has left; whether none that a worker has in hand is left.
CREATE OR REPLACE FUNCTION penhas_checks.canary_remove(job bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM public.minion_jobs j
    WHERE j.notes @> '{"penhas_checks": "canary"}' AND j.state <> 'active'
      AND (j.id = job OR j.created < now() - interval '1 h');
    RETURN NOT EXISTS (SELECT FROM public.minion_jobs j
                       WHERE j.id = job AND j.notes @> '{"penhas_checks": "canary"}');
END
$$;
REVOKE ALL ON FUNCTION penhas_checks.canary_enqueue(text, text, integer), penhas_checks.canary_state(bigint),
    penhas_checks.canary_remove(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION penhas_checks.canary_enqueue(text, text, integer), penhas_checks.canary_state(bigint),
    penhas_checks.canary_remove(bigint) TO penhas_checks_canary;
