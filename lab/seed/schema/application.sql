-- The application's tables as the public backend has them, reduced to what a monitor meets; guide.sql turns them into
-- what the guide says. Every foreign key has an index, every key a sequence of its own: the healthy lab has no findings.

CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

-- unaccent() is only stable; an index needs an immutable wrapper, and the names qualified, or a dump cannot be restored.
CREATE FUNCTION public.sem_acento(texto text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    AS $$ SELECT public.unaccent('public.unaccent'::regdictionary, lower(texto)) $$;

CREATE DOMAIN public.uf AS char(2) CONSTRAINT uf_maiuscula CHECK (VALUE ~ '^[A-Z]{2}$');
CREATE TYPE public.cliente_status AS ENUM ('setup', 'active', 'banned', 'deleted');

CREATE TABLE public.clientes (
    id bigserial PRIMARY KEY,
    status public.cliente_status NOT NULL DEFAULT 'active',
    created_on timestamptz NOT NULL DEFAULT now(),
    nome_completo text NOT NULL,
    apelido text NOT NULL,
    email text NOT NULL CONSTRAINT clientes_email_key UNIQUE,
    senha_sha256 text NOT NULL,
    cpf_hash text NOT NULL CONSTRAINT clientes_cpf_hash_key UNIQUE,
    cpf_prefix text NOT NULL,
    cep text NOT NULL,
    dt_nasc date NOT NULL,
    genero text NOT NULL CONSTRAINT clientes_genero_check CHECK (genero IN ('Feminino', 'MulherTrans', 'NaoBinario', 'Outro')),
    modo_anonimo_ativo boolean NOT NULL DEFAULT false,
    ja_foi_vitima_de_violencia boolean,
    CONSTRAINT clientes_email_check CHECK (position('@' IN email) > 1)
);
CREATE INDEX clientes_created_idx ON public.clientes (created_on);
CREATE INDEX clientes_apelido_idx ON public.clientes USING gin (public.sem_acento(apelido) public.gin_trgm_ops);

CREATE TABLE public.clientes_active_sessions (
    id bigserial PRIMARY KEY,
    cliente_id bigint NOT NULL REFERENCES public.clientes (id) ON DELETE CASCADE
);
CREATE INDEX clientes_active_sessions_cliente_id_idx ON public.clientes_active_sessions (cliente_id);

CREATE TABLE public.clientes_app_activity (
    cliente_id bigint PRIMARY KEY REFERENCES public.clientes (id) ON DELETE CASCADE,
    last_tm_activity timestamptz NOT NULL
);
CREATE INDEX clientes_app_activity_last_idx ON public.clientes_app_activity (last_tm_activity);

CREATE TABLE public.clientes_app_activity_log (
    id bigserial PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    cliente_id bigint NOT NULL REFERENCES public.clientes (id) ON DELETE CASCADE
);
CREATE INDEX clientes_app_activity_log_created_idx ON public.clientes_app_activity_log (created_at);
CREATE INDEX clientes_app_activity_log_cliente_id_idx ON public.clientes_app_activity_log (cliente_id);

CREATE TABLE public.login_erros (
    id bigserial PRIMARY KEY,
    cliente_id bigint NOT NULL REFERENCES public.clientes (id) ON DELETE CASCADE,
    remote_ip text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX login_erros_cliente_id_idx ON public.login_erros (cliente_id, created_at);

CREATE TABLE public.clientes_guardioes (
    id bigserial PRIMARY KEY,
    cliente_id bigint NOT NULL REFERENCES public.clientes (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    status text NOT NULL CONSTRAINT clientes_guardioes_status_check CHECK (status IN ('pending', 'accepted', 'refused', 'removed_by_user')),
    nome text NOT NULL,
    celular_e164 text NOT NULL,
    token text NOT NULL CONSTRAINT clientes_guardioes_token_key UNIQUE,
    accepted_at timestamptz,
    expires_at timestamptz NOT NULL
);
CREATE INDEX clientes_guardioes_cliente_id_idx ON public.clientes_guardioes (cliente_id);

CREATE TABLE public.cliente_ativacoes_panico (
    id bigserial PRIMARY KEY,
    cliente_id bigint NOT NULL REFERENCES public.clientes (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    gps_lat text,
    gps_long text,
    alert_sent_to jsonb NOT NULL DEFAULT '{}',
    sms_enviados integer NOT NULL DEFAULT 0 CONSTRAINT cliente_ativacoes_panico_sms_check CHECK (sms_enviados >= 0)
);
CREATE INDEX cliente_ativacoes_panico_cliente_id_idx ON public.cliente_ativacoes_panico (cliente_id);
CREATE INDEX cliente_ativacoes_panico_created_idx ON public.cliente_ativacoes_panico (created_at);

CREATE TABLE public.sent_sms_log (
    id bigserial PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    cliente_ativacao_panico_id bigint NOT NULL REFERENCES public.cliente_ativacoes_panico (id) ON DELETE CASCADE,
    phonenumber text NOT NULL,
    message text NOT NULL,
    notes text
);
CREATE INDEX sent_sms_log_ativacao_idx ON public.sent_sms_log (cliente_ativacao_panico_id);
CREATE INDEX sent_sms_log_created_idx ON public.sent_sms_log (created_at);

CREATE TABLE public.media_upload (
    id text PRIMARY KEY,
    cliente_id bigint NOT NULL REFERENCES public.clientes (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    intention text NOT NULL CONSTRAINT media_upload_intention_check CHECK (intention IN ('guardiao', 'profile', 'chat')),
    file_info jsonb NOT NULL DEFAULT '{}',
    file_sha1 text NOT NULL,
    file_size bigint NOT NULL,
    s3_path text NOT NULL,
    s3_path_avatar text,
    file_size_avatar bigint
);
CREATE INDEX media_upload_cliente_id_idx ON public.media_upload (cliente_id);
CREATE INDEX media_upload_created_idx ON public.media_upload (created_at);

CREATE TABLE public.clientes_audios_eventos (
    event_id text PRIMARY KEY,
    cliente_id bigint NOT NULL REFERENCES public.clientes (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    status text NOT NULL DEFAULT 'free_access',
    total_bytes bigint NOT NULL DEFAULT 0,
    audio_duration numeric(9, 3) NOT NULL DEFAULT 0
);
CREATE INDEX clientes_audios_eventos_cliente_id_idx ON public.clientes_audios_eventos (cliente_id);

CREATE TABLE public.clientes_audios (
    id bigserial PRIMARY KEY,
    event_id text NOT NULL REFERENCES public.clientes_audios_eventos (event_id) ON DELETE CASCADE,
    cliente_id bigint NOT NULL REFERENCES public.clientes (id) ON DELETE CASCADE,
    media_upload_id text NOT NULL REFERENCES public.media_upload (id) ON DELETE CASCADE,
    event_sequence integer NOT NULL CONSTRAINT clientes_audios_sequence_check CHECK (event_sequence > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    audio_duration numeric(9, 3) NOT NULL,
    played_count integer NOT NULL DEFAULT 0
);
CREATE INDEX clientes_audios_event_id_idx ON public.clientes_audios (event_id);
CREATE INDEX clientes_audios_cliente_id_idx ON public.clientes_audios (cliente_id);
CREATE INDEX clientes_audios_media_upload_id_idx ON public.clientes_audios (media_upload_id);

CREATE TABLE public.ponto_apoio_categoria (
    id bigserial PRIMARY KEY,
    label text NOT NULL CONSTRAINT ponto_apoio_categoria_label_key UNIQUE,
    color text NOT NULL,
    created_on timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.ponto_apoio (
    id bigserial PRIMARY KEY,
    categoria bigint NOT NULL REFERENCES public.ponto_apoio_categoria (id),
    nome text NOT NULL,
    logradouro text NOT NULL,
    municipio text NOT NULL,
    uf public.uf NOT NULL,
    latitude numeric(9, 6) NOT NULL,
    longitude numeric(9, 6) NOT NULL,
    telefone1 text,
    ja_passou_por_moderacao boolean NOT NULL DEFAULT true,
    created_on timestamptz NOT NULL DEFAULT now(),
    busca text GENERATED ALWAYS AS (public.sem_acento(nome || ' ' || municipio)) STORED
);
CREATE INDEX ponto_apoio_categoria_idx ON public.ponto_apoio (categoria);
CREATE INDEX ponto_apoio_posicao_idx ON public.ponto_apoio (latitude, longitude);
CREATE INDEX ponto_apoio_busca_idx ON public.ponto_apoio USING gin (busca public.gin_trgm_ops);

CREATE TABLE public.ponto_apoio_keywords_log (
    id bigserial PRIMARY KEY,
    cliente_id bigint REFERENCES public.clientes (id) ON DELETE SET NULL,
    created_on timestamptz NOT NULL DEFAULT now(),
    keywords text NOT NULL
);
CREATE INDEX ponto_apoio_keywords_log_cliente_id_idx ON public.ponto_apoio_keywords_log (cliente_id);
CREATE INDEX ponto_apoio_keywords_log_created_idx ON public.ponto_apoio_keywords_log (created_on);

CREATE TABLE public.chat_session (
    id bigserial PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    participants bigint[] NOT NULL CONSTRAINT chat_session_participants_check CHECK (cardinality(participants) = 2),
    session_started_by bigint NOT NULL REFERENCES public.clientes (id) ON DELETE CASCADE,
    has_message boolean NOT NULL DEFAULT false
);
CREATE INDEX chat_session_started_by_idx ON public.chat_session (session_started_by);
CREATE INDEX chat_session_participants_idx ON public.chat_session USING gin (participants);

CREATE TABLE public.chat_message (
    id bigserial PRIMARY KEY,
    chat_session_id bigint NOT NULL REFERENCES public.chat_session (id) ON DELETE CASCADE,
    cliente_id bigint NOT NULL REFERENCES public.clientes (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    is_compressed boolean NOT NULL DEFAULT false,
    message bytea NOT NULL
);
CREATE INDEX chat_message_session_idx ON public.chat_message (chat_session_id, created_at);
CREATE INDEX chat_message_cliente_id_idx ON public.chat_message (cliente_id);

CREATE TABLE public.emaildb_config (
    id serial PRIMARY KEY,
    "from" text NOT NULL,
    template_resolver_class text NOT NULL,
    delete_after interval NOT NULL DEFAULT '25 years'
);

CREATE TABLE public.emaildb_queue (
    id bigserial PRIMARY KEY,
    config_id integer NOT NULL REFERENCES public.emaildb_config (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    template text NOT NULL,
    "to" text NOT NULL,
    subject text NOT NULL,
    variables json,
    sent boolean,
    updated_at timestamptz,
    visible_after timestamptz,
    errmsg text
);
CREATE INDEX emaildb_queue_config_id_idx ON public.emaildb_queue (config_id);
CREATE INDEX emaildb_queue_pendente_idx ON public.emaildb_queue (created_at) WHERE sent IS NULL;

CREATE TABLE public.rss_feeds (
    id bigserial PRIMARY KEY,
    fonte text NOT NULL,
    url text NOT NULL CONSTRAINT rss_feeds_url_key UNIQUE,
    status text NOT NULL DEFAULT 'published',
    next_tick timestamptz,
    last_run timestamptz,
    last_error_message text,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.noticias (
    id bigserial PRIMARY KEY,
    rss_feed_id bigint NOT NULL REFERENCES public.rss_feeds (id) ON DELETE CASCADE,
    title text NOT NULL,
    author text,
    hyperlink text NOT NULL CONSTRAINT noticias_hyperlink_key UNIQUE,
    display_created_time timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    indexed_at timestamptz,
    published text NOT NULL DEFAULT 'published:auto'
);
CREATE INDEX noticias_rss_feed_id_idx ON public.noticias (rss_feed_id);
CREATE INDEX noticias_display_idx ON public.noticias (display_created_time DESC);

CREATE TABLE public.tags (
    id bigserial PRIMARY KEY,
    title text NOT NULL CONSTRAINT tags_title_key UNIQUE,
    status text NOT NULL DEFAULT 'prod'
);

CREATE TABLE public.noticias_tags (
    id bigserial PRIMARY KEY,
    noticia_id bigint NOT NULL REFERENCES public.noticias (id) ON DELETE CASCADE,
    tag_id bigint NOT NULL REFERENCES public.tags (id) ON DELETE CASCADE,
    CONSTRAINT noticias_tags_key UNIQUE (noticia_id, tag_id)
);
CREATE INDEX noticias_tags_tag_id_idx ON public.noticias_tags (tag_id);

CREATE TABLE public.questionnaires (
    id bigserial PRIMARY KEY,
    name text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    is_anonymous boolean NOT NULL DEFAULT false,
    questions jsonb NOT NULL,
    created_on timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.anonymous_quiz_session (
    id bigserial PRIMARY KEY,
    questionnaire_id bigint NOT NULL REFERENCES public.questionnaires (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    remote_id text NOT NULL,
    responses jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX anonymous_quiz_session_questionnaire_idx ON public.anonymous_quiz_session (questionnaire_id);

CREATE TABLE public.penhas_config (
    id serial PRIMARY KEY,
    name text NOT NULL,
    value text NOT NULL,
    valid_from timestamptz NOT NULL DEFAULT now(),
    valid_to timestamptz NOT NULL DEFAULT 'infinity',
    CONSTRAINT penhas_config_periodo CHECK (valid_from < valid_to)
);
CREATE UNIQUE INDEX penhas_config_vigente_idx ON public.penhas_config (name) WHERE valid_to = 'infinity';

-- Reports handed to the authorities: kept as large objects, seen by no one but the owner unless the session says why.
CREATE TABLE public.relatorios_chat_cliente (
    id bigserial PRIMARY KEY,
    cliente_id bigint NOT NULL REFERENCES public.clientes (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    conteudo oid NOT NULL
);
CREATE INDEX relatorios_chat_cliente_cliente_id_idx ON public.relatorios_chat_cliente (cliente_id);
ALTER TABLE public.relatorios_chat_cliente ENABLE ROW LEVEL SECURITY;
CREATE POLICY relatorios_com_motivo ON public.relatorios_chat_cliente
    FOR SELECT USING (current_setting('penhas.motivo', true) IS NOT NULL);

CREATE FUNCTION public.marca_conversa() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE public.chat_session SET has_message = true WHERE id = NEW.chat_session_id AND NOT has_message;
    RETURN NULL;
END $$;
CREATE TRIGGER chat_message_marca_conversa AFTER INSERT ON public.chat_message
    FOR EACH ROW EXECUTE FUNCTION public.marca_conversa();

CREATE MATERIALIZED VIEW public.ponto_apoio_por_uf AS
    SELECT p.uf, c.label AS categoria, count(*) AS total
    FROM public.ponto_apoio p JOIN public.ponto_apoio_categoria c ON c.id = p.categoria
    GROUP BY p.uf, c.label
    WITH NO DATA;
CREATE UNIQUE INDEX ponto_apoio_por_uf_key ON public.ponto_apoio_por_uf (uf, categoria);
