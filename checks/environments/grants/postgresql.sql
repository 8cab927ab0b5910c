-- What the suite may see: run once, as superuser, in the application's database:
--     psql --dbname=penhas --single-transaction --set=ON_ERROR_STOP=1 --file=postgresql.sql
-- then give the role its password with \password penhas_checks. Running it again changes nothing.
-- The role reads PostgreSQL's own statistics (pg_monitor) and the views below, which hold no content: no arguments,
-- results or notes of jobs, no row of any person. It may not read a table of the application, nor change one.
-- The owner of the application's tables may run it too, with CREATEROLE and, from 16 on, ADMIN OPTION on pg_monitor and
-- pg_use_reserved_connections. Run by anyone but a superuser, or without the extension pgstattuple, bloat is not known, or
-- estimated only. Run it again after a restore.

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

-- When the newest row before a moment was written, by the columns that the database itself stamps (DEFAULT now()): what
-- a restored backup taken at that moment must hold. Times only; called as the function above is.
CREATE OR REPLACE FUNCTION penhas_checks.newest_rows(before timestamptz)
RETURNS TABLE (schema_name text, table_name text, column_name text, newest timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    FOR schema_name, table_name, column_name IN
        SELECT n.nspname, c.relname, a.attname
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND a.atttypid = 'timestamptz'::regtype
          AND pg_get_expr(d.adbin, d.adrelid) IN ('now()', 'CURRENT_TIMESTAMP', 'clock_timestamp()')
          AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'penhas_checks') AND n.nspname NOT LIKE 'pg\_%'
        ORDER BY 1, 2, 3
    LOOP
        EXECUTE format('SELECT max(%I) FROM %I.%I WHERE %I < $1', column_name, schema_name, table_name, column_name)
        INTO newest USING before;
        RETURN NEXT;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION penhas_checks.newest_rows(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION penhas_checks.newest_rows(timestamptz) TO penhas_checks;

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

-- What the extension pgstattuple measures of one table or index, NULL where it is not there. These run with the rights of
-- who calls them: pg_monitor may measure.
CREATE OR REPLACE FUNCTION penhas_checks.table_waste(relation oid) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place text := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                   WHERE e.extname = 'pgstattuple');
    waste bigint;
BEGIN
    IF place IS NOT NULL THEN
        EXECUTE format('SELECT dead_tuple_len + approx_free_space FROM %I.pgstattuple_approx($1::regclass)', place)
        INTO waste USING relation;
    END IF;
    RETURN waste;
END
$$;
DROP FUNCTION IF EXISTS penhas_checks.leaf_density(oid);
-- Of a B-tree: what is not its inner pages nor the leaves that its rows need as full as its fillfactor wants them. Pages
-- that were emptied have no density, and are waste.
CREATE OR REPLACE FUNCTION penhas_checks.index_waste(relation oid) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    place text := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                   WHERE e.extname = 'pgstattuple');
    fill float8 := coalesce((SELECT o.option_value::float8 FROM pg_class c, pg_options_to_table(c.reloptions) o
                             WHERE c.oid = relation AND o.option_name = 'fillfactor'), 90);
    waste bigint;
BEGIN
    IF place IS NOT NULL THEN
        EXECUTE format('SELECT index_size - current_setting(''block_size'')::int
                               * (1 + internal_pages + ceil(leaf_pages * coalesce(nullif(avg_leaf_density, ''NaN''), 0) / $2))
                        FROM %I.pgstatindex($1::regclass)', place)
        INTO waste USING relation, fill;
    END IF;
    RETURN CASE WHEN waste IS NOT NULL THEN greatest(waste, 0) END;
END
$$;
REVOKE ALL ON FUNCTION penhas_checks.table_waste(oid), penhas_checks.index_waste(oid) FROM PUBLIC;

-- Sequences: which share of their numbers is used, and with `maxima` whether the column they fill is past them already:
-- NULL where that is not known, as no index begins with the column. A sequence that was not called since it was set or
-- started anew gives last_value itself. Of the application's tables it reads max() of those columns, and shows only the
-- comparison.
CREATE OR REPLACE FUNCTION penhas_checks.sequences(maxima boolean)
RETURNS TABLE (sequence text, filled text, used float8, narrow boolean, readable boolean, behind boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s record;
    reached bigint;
    called boolean;
    most numeric;
BEGIN
    FOR s IN
        SELECT q.seqrelid, q.seqrelid::regclass::text AS name, q.seqincrement, q.seqmin, q.seqmax,
               tn.nspname, t.relname, a.attname, t.oid AS relation,
               CASE WHEN a.attname IS NOT NULL THEN format('%s.%I', t.oid::regclass, a.attname) END AS column_name,
               CASE y.base WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647
                           ELSE 9223372036854775807 END AS holds,
               y.base IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype) AS numeral,
               has_sequence_privilege(q.seqrelid, 'SELECT') AS readable,
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
        LEFT JOIN LATERAL (
            -- The type itself, or what a domain is of.
            WITH RECURSIVE of (base, next) AS (
                SELECT e.oid, e.typbasetype FROM pg_type e WHERE e.oid = a.atttypid
                UNION ALL
                SELECT e.oid, e.typbasetype FROM of JOIN pg_type e ON e.oid = of.next
            )
            SELECT of.base FROM of WHERE of.next = 0
        ) AS y ON true
        -- Before 15 the sequence of an unlogged table is none itself, and is there on a standby without its table.
        WHERE NOT q.seqcycle AND NOT (pg_is_in_recovery() AND 'u' IN (c.relpersistence, coalesce(t.relpersistence, 'p')))
        ORDER BY 2, 7, 8
    LOOP
        sequence := s.name;
        filled := coalesce(s.column_name, 'no column');
        narrow := s.holds < s.seqmax AND s.relation IS NOT NULL;
        readable := s.readable AND (NOT maxima OR s.relation IS NULL OR s.table_readable);
        behind := NULL;
        used := NULL;
        IF readable THEN
            EXECUTE format('SELECT last_value, is_called FROM %s', s.name) INTO reached, called;
            IF s.seqincrement > 0 THEN
                used := (reached::float8 - s.seqmin) / nullif(least(s.seqmax, s.holds)::float8 - s.seqmin, 0);
            ELSE
                used := (s.seqmax::float8 - reached) / nullif(s.seqmax::float8 - s.seqmin, 0);
            END IF;
            IF maxima AND s.indexed AND s.numeral AND s.seqincrement > 0 THEN
                EXECUTE format('SELECT max(%I) FROM %I.%I', s.attname, s.nspname, s.relname) INTO most;
                behind := coalesce(most NOT IN ('NaN', 'Infinity')
                                   AND most >= reached::numeric + CASE WHEN called THEN s.seqincrement ELSE 0 END, false);
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION penhas_checks.sequences(boolean) FROM PUBLIC;

-- The version that each migration tool says: Minion's and Mojo's own table, and sqitch's, of each of its projects the last.
CREATE OR REPLACE FUNCTION penhas_checks.migrations()
RETURNS TABLE (tool text, version text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF to_regclass('public.mojo_migrations') IS NOT NULL THEN
        RETURN QUERY SELECT m.name, m.version::text FROM public.mojo_migrations m;
    END IF;
    IF to_regclass('sqitch.changes') IS NOT NULL THEN
        RETURN QUERY SELECT DISTINCT ON (c.project) 'sqitch'::text, c.change::text FROM sqitch.changes c
                     ORDER BY c.project, c.committed_at DESC;
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
    penhas_checks.sessions(), penhas_checks.table_waste(oid), penhas_checks.index_waste(oid) TO penhas_checks;

-- Which of Minion's jobs ended because nobody was there: flags, and nothing of their results.
CREATE OR REPLACE VIEW penhas_checks.minion_ends AS
SELECT id, coalesce(result::text LIKE '%Worker went away%', false) AS abandoned,
       coalesce(result::text LIKE '%Job appears stuck in queue%', false) AS stuck
FROM public.minion_jobs WHERE state = 'failed';

-- How long Minion's locks still hold; their names are not shown.
CREATE OR REPLACE VIEW penhas_checks.minion_locks AS
SELECT expires FROM public.minion_locks;

-- The mail queue: how many wait, how long the oldest does, how many failed within the hour; no address, no subject.
CREATE OR REPLACE FUNCTION penhas_checks.mail_queue()
RETURNS TABLE (waiting bigint, oldest float8, failed bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF to_regclass('public.emaildb_queue') IS NOT NULL THEN
        RETURN QUERY
        SELECT count(*) FILTER (WHERE m.sent IS NULL AND due <= now()),
               coalesce(max(extract(epoch FROM now() - due)) FILTER (WHERE m.sent IS NULL AND due <= now()), 0)::float8,
               count(*) FILTER (WHERE m.errmsg IS NOT NULL AND coalesce(m.updated_at, m.created_at) > now() - interval '1 h')
        FROM (SELECT q.*, coalesce(q.visible_after, q.created_at) AS due FROM public.emaildb_queue q
              WHERE q.sent IS NULL OR q.updated_at > now() - interval '1 h') m;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION penhas_checks.mail_queue() FROM PUBLIC;

-- Where the business figures come from. Names that differ in another installation are changed here, and nowhere else.
CREATE OR REPLACE FUNCTION penhas_checks.business_sources()
RETURNS TABLE (name text, relation text, moment text, condition text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    VALUES ('guardian alerts', 'public.cliente_ativacoes_panico', 'created_at', 'true'),
           ('alert messages', 'public.sent_sms_log', 'created_at', 'true'),
           ('audio uploads', 'public.media_upload', 'created_at', 'intention = ''guardiao'''),
           ('support-centre searches', 'public.ponto_apoio_keywords_log', 'created_on', 'true'),
           ('active users', 'public.clientes_app_activity_log', 'created_at', 'true')
$$;
REVOKE ALL ON FUNCTION penhas_checks.business_sources() FROM PUBLIC;

-- The figures whose table holds no row although rows were once written to it.
CREATE OR REPLACE FUNCTION penhas_checks.business_emptied() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    source record;
    holds boolean;
BEGIN
    FOR source IN
        SELECT s.name, to_regclass(s.relation) AS place FROM penhas_checks.business_sources() s
        WHERE to_regclass(s.relation) IS NOT NULL
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', source.place) INTO holds;
        IF NOT holds AND (pg_stat_get_tuples_inserted(source.place) > 0 OR EXISTS (
            SELECT FROM pg_depend d JOIN pg_sequence q ON q.seqrelid = d.objid
            WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
              AND d.refobjid = source.place AND pg_sequence_last_value(q.seqrelid) IS NOT NULL))
        THEN
            RETURN NEXT source.name;
        END IF;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION penhas_checks.business_emptied() FROM PUBLIC;

-- The business figures: how many events of each kind within each of the last 35 days' hours, and since when any are
-- known; of nobody whose.
CREATE OR REPLACE FUNCTION penhas_checks.business_hours()
RETURNS TABLE (figure text, since timestamptz, hour timestamptz, events bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    source record;
BEGIN
    FOR source IN
        SELECT * FROM penhas_checks.business_sources() s WHERE to_regclass(s.relation) IS NOT NULL
    LOOP
        RETURN QUERY EXECUTE format(
            'SELECT %L::text, (SELECT min(%2$I) FROM %3$s), date_trunc(''hour'', %2$I), count(*)
             FROM %3$s WHERE %2$I > now() - interval ''35 d'' AND %4$s GROUP BY 3
             UNION ALL SELECT %1$L, (SELECT min(%2$I) FROM %3$s), NULL, 0',
            source.name, source.moment, source.relation, source.condition);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION penhas_checks.business_hours() FROM PUBLIC;

-- Growth: new users by month, audio uploads by day with their bytes; counts and sums only. `users known` and `uploads
-- known` say that there is such a table, also where it is empty. Where a table or a column has another name, write that
-- here: the environment file names neither, so that what may be read is said in one place.
CREATE OR REPLACE FUNCTION penhas_checks.growth()
RETURNS TABLE (figure text, day date, events bigint, bytes bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    moment text;
BEGIN
    SELECT a.attname INTO moment FROM pg_attribute a
    WHERE a.attrelid = to_regclass('public.clientes') AND a.attname IN ('created_at', 'created_on')
    ORDER BY a.attname LIMIT 1;
    IF moment IS NOT NULL THEN
        RETURN QUERY SELECT 'users known'::text, NULL::date, 0::bigint, 0::bigint;
        RETURN QUERY EXECUTE format(
            'SELECT ''users''::text, date_trunc(''month'', %1$I)::date, count(*), 0::bigint
             FROM public.clientes GROUP BY 2', moment);
    END IF;
    IF to_regclass('public.media_upload') IS NOT NULL THEN
        RETURN QUERY SELECT 'uploads known'::text, NULL::date, 0::bigint, 0::bigint;
        RETURN QUERY
        SELECT 'audio uploads'::text, m.created_at::date, count(*), coalesce(sum(m.file_size), 0)::bigint
        FROM public.media_upload m WHERE m.intention = 'guardiao' AND m.created_at > now() - interval '180 d'
        GROUP BY 2
        UNION ALL
        SELECT 'audio uploads before'::text, NULL, count(*), coalesce(sum(m.file_size), 0)::bigint
        FROM public.media_upload m WHERE m.intention = 'guardiao' AND m.created_at <= now() - interval '180 d';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION penhas_checks.growth() FROM PUBLIC;

-- A sample of media objects, the newest and some from any time, each with its small picture if it has one: where in the
-- bucket (NULL where the address does not say), and how many bytes. The stored address is a download link that works
-- for years: its query, which signs it, never leaves this function.
CREATE OR REPLACE FUNCTION penhas_checks.media_sample(newest integer, others integer)
RETURNS TABLE (key text, bytes bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF to_regclass('public.media_upload') IS NOT NULL THEN
        RETURN QUERY
        WITH span AS (SELECT min(created_at) AS first, max(created_at) AS last FROM public.media_upload),
        random_moments AS (
            SELECT s.first + random() * (s.last - s.first) AS moment FROM span s, generate_series(1, others)
        ), picked AS (
            (SELECT m.s3_path, m.file_size, m.s3_path_avatar, m.file_size_avatar FROM public.media_upload m
             WHERE m.created_at < now() - interval '1 min' ORDER BY m.created_at DESC LIMIT newest)
            UNION
            SELECT p.* FROM random_moments r CROSS JOIN LATERAL (
                SELECT m.s3_path, m.file_size, m.s3_path_avatar, m.file_size_avatar FROM public.media_upload m
                WHERE m.created_at >= r.moment AND m.created_at < now() - interval '1 min'
                ORDER BY m.created_at LIMIT 1) p
        )
        SELECT substring(o.address FROM '^https?://[^/]+/([^?]+)'), o.size
        FROM picked CROSS JOIN LATERAL (VALUES (s3_path, file_size), (s3_path_avatar, file_size_avatar)) o(address, size)
        WHERE o.address <> '';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION penhas_checks.media_sample(integer, integer) FROM PUBLIC;

-- The stored addresses of media, of their small pictures too: whether they still work, as counts. The key that signs is
-- that of the newest address that is signed.
CREATE OR REPLACE FUNCTION penhas_checks.media_addresses()
RETURNS TABLE (addresses bigint, other_key bigint, malformed bigint, soonest timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF to_regclass('public.media_upload') IS NOT NULL THEN
        RETURN QUERY
        WITH found AS (
            SELECT m.created_at, o.address ~ '^https?://[^/]+/[^?]' AS whole,
                   substring(o.address FROM '[?&]AWSAccessKeyId=([^&]+)') AS signer,
                   substring(o.address FROM '[?&]Expires=([0-9]{1,12})(&|$)')::bigint AS expires
            FROM public.media_upload m CROSS JOIN LATERAL (VALUES (m.s3_path), (m.s3_path_avatar)) o(address)
            WHERE o.address <> ''
        ), current AS (SELECT f.signer FROM found f WHERE f.signer IS NOT NULL ORDER BY f.created_at DESC LIMIT 1)
        SELECT count(*), count(*) FILTER (WHERE f.signer <> (SELECT c.signer FROM current c)),
               count(*) FILTER (WHERE NOT f.whole OR f.signer IS NULL OR f.expires IS NULL), to_timestamp(min(f.expires))
        FROM found f;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION penhas_checks.media_addresses() FROM PUBLIC;

-- What the scheduled jobs leave behind in the database: the age in seconds of the newest trace of each.
CREATE OR REPLACE FUNCTION penhas_checks.effects()
RETURNS TABLE (effect text, age float8)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF to_regclass('public.rss_feeds') IS NOT NULL THEN
        RETURN QUERY SELECT 'feeds-read'::text, extract(epoch FROM now() - max(r.last_run))::float8 FROM public.rss_feeds r;
    END IF;
    IF to_regclass('public.noticias') IS NOT NULL THEN
        RETURN QUERY SELECT 'news-indexed'::text, extract(epoch FROM now() - max(n.indexed_at))::float8 FROM public.noticias n;
    END IF;
    IF to_regclass('public.minion_jobs') IS NOT NULL THEN
        RETURN QUERY SELECT 'jobs-enqueued'::text, extract(epoch FROM now() - max(j.created))::float8 FROM public.minion_jobs j;
        RETURN QUERY SELECT 'jobs-purged'::text,
                            greatest(0, extract(epoch FROM now() - min(j.finished)) - 31 * 86400)::float8
                     FROM public.minion_jobs j WHERE j.state = 'finished';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION penhas_checks.effects() FROM PUBLIC;

GRANT SELECT ON penhas_checks.minion_ends, penhas_checks.minion_locks TO penhas_checks;
GRANT EXECUTE ON FUNCTION penhas_checks.mail_queue(), penhas_checks.business_hours(), penhas_checks.growth(),
    penhas_checks.business_emptied(),
    penhas_checks.media_sample(integer, integer), penhas_checks.media_addresses(), penhas_checks.effects()
    TO penhas_checks;
