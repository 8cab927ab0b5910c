-- What the guide says where the public backend differs.
ALTER TABLE public.clientes RENAME COLUMN created_on TO created_at;
ALTER TABLE public.clientes_active_sessions ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX clientes_active_sessions_created_idx ON public.clientes_active_sessions (created_at);
