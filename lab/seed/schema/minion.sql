-- Minion's tables in its schema version 23, so that a real Minion finds nothing to migrate.

CREATE TABLE public.mojo_migrations (
    name text PRIMARY KEY,
    version bigint NOT NULL CONSTRAINT mojo_migrations_version_check CHECK (version >= 0)
);

CREATE TYPE public.minion_state AS ENUM ('inactive', 'active', 'failed', 'finished');

CREATE TABLE public.minion_jobs (
    id bigserial PRIMARY KEY,
    args jsonb NOT NULL CONSTRAINT minion_jobs_args_check CHECK (jsonb_typeof(args) = 'array'),
    attempts integer NOT NULL DEFAULT 1,
    created timestamptz NOT NULL DEFAULT now(),
    delayed timestamptz NOT NULL,
    finished timestamptz,
    notes jsonb NOT NULL DEFAULT '{}' CONSTRAINT minion_jobs_notes_check CHECK (jsonb_typeof(notes) = 'object'),
    parents bigint[] NOT NULL DEFAULT '{}',
    priority integer NOT NULL,
    queue text NOT NULL DEFAULT 'default',
    result jsonb,
    retried timestamptz,
    retries integer NOT NULL DEFAULT 0,
    started timestamptz,
    state public.minion_state NOT NULL DEFAULT 'inactive',
    task text NOT NULL,
    worker bigint,
    expires timestamptz,
    lax boolean NOT NULL DEFAULT false
);
CREATE INDEX minion_jobs_state_priority_id_idx ON public.minion_jobs (state, priority DESC, id);
CREATE INDEX minion_jobs_expires_idx ON public.minion_jobs (expires);
CREATE INDEX minion_jobs_parents_idx ON public.minion_jobs USING gin (parents);
CREATE INDEX minion_jobs_notes_idx ON public.minion_jobs USING gin (notes);

CREATE UNLOGGED TABLE public.minion_workers (
    id bigserial PRIMARY KEY,
    host text NOT NULL,
    inbox jsonb NOT NULL DEFAULT '[]' CONSTRAINT minion_workers_inbox_check CHECK (jsonb_typeof(inbox) = 'array'),
    notified timestamptz NOT NULL DEFAULT now(),
    pid integer NOT NULL,
    started timestamptz NOT NULL DEFAULT now(),
    status jsonb NOT NULL DEFAULT '{}' CONSTRAINT minion_workers_status_check CHECK (jsonb_typeof(status) = 'object')
);

CREATE UNLOGGED TABLE public.minion_locks (
    id bigserial PRIMARY KEY,
    name text NOT NULL,
    expires timestamptz NOT NULL
);
CREATE INDEX minion_locks_name_expires_idx ON public.minion_locks (name, expires);

-- Wakes the workers that listen when a job can be taken at once.
CREATE FUNCTION public.minion_jobs_notify_workers() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.delayed <= now() THEN
        PERFORM pg_notify('minion.job', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER minion_jobs_notify_workers_trigger AFTER INSERT OR UPDATE OF retries ON public.minion_jobs
    FOR EACH ROW EXECUTE FUNCTION public.minion_jobs_notify_workers();

-- minion_lock(name, seconds, limit): true when one more of at most `limit` leases of that name was taken.
CREATE FUNCTION public.minion_lock(text, integer, integer) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
DECLARE
    until timestamptz := now() + make_interval(secs => $2);
BEGIN
    LOCK TABLE minion_locks IN EXCLUSIVE MODE;
    DELETE FROM minion_locks WHERE expires < now();
    IF (SELECT count(*) FROM minion_locks l WHERE l.name = $1) >= $3 THEN
        RETURN false;
    END IF;
    IF until > now() THEN
        INSERT INTO minion_locks (name, expires) VALUES ($1, until);
    END IF;
    RETURN true;
END $$;

INSERT INTO public.mojo_migrations (name, version) VALUES ('minion', 23);
