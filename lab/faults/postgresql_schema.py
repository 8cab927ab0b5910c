"""What goes wrong with the schema, and with who may do what; each mended by the opposite statement."""

from lab.faults.postgresql import statements
from lab.faults.registry import Fault, register
from lab.postgresql import APPLICATION, DATABASE

_OURS = f"datname = '{DATABASE}'"
_OLD_SESSION = """
DO $$ BEGIN
    INSERT INTO public.clientes_active_sessions (id, cliente_id, created_at)
    SELECT -1, min(id), now() - interval '40 d' FROM public.clientes;
EXCEPTION WHEN undefined_column THEN NULL;  -- the public backend has no such column
END $$
"""
_DROP = "DROP TABLE IF EXISTS public.lab_fault"


def _simple(name: str, what: str, expect: dict[str, str], break_: tuple[str, ...], mend: tuple[str, ...]) -> None:
    on_primary = {key if "@" in key else f"{key}@primary": state for key, state in expect.items()}
    register(Fault(name, what, ("postgresql",), on_primary, *statements(break_, mend)))


_simple(
    "postgresql-migration-missing",
    "the schema is one migration behind what the deployed version expects",
    {"postgresql-migrations": "CRITICAL"},
    ("UPDATE mojo_migrations SET version = 22 WHERE name = 'minion'",),
    ("UPDATE mojo_migrations SET version = 23 WHERE name = 'minion'",),
)
_simple(
    "postgresql-index-duplicate",
    "an index is there twice",
    {"postgresql-indexes-duplicate": "WARNING"},
    ("CREATE INDEX lab_fault_idx ON public.login_erros (cliente_id, created_at)",),
    ("DROP INDEX public.lab_fault_idx",),
)
_simple(
    "postgresql-foreign-key-unindexed",
    "a foreign key has lost its index",
    {"postgresql-foreign-keys-unindexed": "WARNING"},
    ("DROP INDEX public.sent_sms_log_ativacao_idx",),
    ("CREATE INDEX sent_sms_log_ativacao_idx ON public.sent_sms_log (cliente_ativacao_panico_id)",),
)
_simple(
    "postgresql-constraints-off",
    "a constraint was never validated, and a trigger is off",
    {"postgresql-constraints-off": "WARNING"},
    (
        "ALTER TABLE public.tags ADD CONSTRAINT lab_fault CHECK (title <> '') NOT VALID",
        "ALTER TABLE public.chat_message DISABLE TRIGGER chat_message_marca_conversa",
    ),
    (
        "ALTER TABLE public.tags DROP CONSTRAINT lab_fault",
        "ALTER TABLE public.chat_message ENABLE TRIGGER chat_message_marca_conversa",
    ),
)
for _name, _number, _state in (("warning", 1_900_000_000, "WARNING"), ("critical", 2_100_000_000, "CRITICAL")):
    _simple(
        f"postgresql-sequence-{_name}",
        f"a sequence of bigint is at {_number}, and its column is an integer",
        {"postgresql-sequences-used": _state},
        (
            "CREATE SEQUENCE public.lab_fault_seq",
            "CREATE TABLE public.lab_fault (id integer PRIMARY KEY DEFAULT nextval('public.lab_fault_seq'))",
            "ALTER SEQUENCE public.lab_fault_seq OWNED BY public.lab_fault.id",
            f"SELECT setval('public.lab_fault_seq', {_number})",
        ),
        (_DROP,),
    )
_simple(
    "postgresql-sequence-behind",
    "rows were inserted with numbers that their sequence has yet to hand out",
    {"postgresql-sequences-behind": "CRITICAL"},
    (
        "CREATE TABLE public.lab_fault (id bigserial PRIMARY KEY)",
        "INSERT INTO public.lab_fault SELECT generate_series(1, 10)",
    ),
    (_DROP,),
)
_simple(
    "postgresql-extension-outdated",
    "an extension is of an older version than the server brings",
    {"postgresql-extensions-outdated": "WARNING"},
    ("UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'amcheck'",),
    ("UPDATE pg_extension SET extversion = default_version FROM pg_available_extensions WHERE name = extname",),
)
_simple(
    "postgresql-collation-mismatched",
    "the database was made by another version of the system's rules for sorting",
    {"postgresql-collations-mismatched": "CRITICAL"},
    (f"UPDATE pg_database SET datcollversion = '0' WHERE {_OURS}",),
    (f"UPDATE pg_database SET datcollversion = pg_database_collation_actual_version(oid) WHERE {_OURS}",),
)
_simple(
    "postgresql-table-unlogged",
    "a table would be empty after a crash",
    {"postgresql-unlogged-tables": "WARNING"},
    ("CREATE UNLOGGED TABLE public.lab_fault (id bigint PRIMARY KEY)",),
    (_DROP,),
)
_simple(
    "postgresql-superuser-unexpected",
    "a role is a superuser that should be none",
    {"postgresql-superusers": "WARNING"},
    ("CREATE ROLE lab_fault SUPERUSER NOLOGIN",),
    ("DROP ROLE lab_fault",),
)
for _name, _days, _state in (("warning", 20, "WARNING"), ("critical", 3, "CRITICAL")):
    _simple(
        f"postgresql-password-ends-{_name}",
        f"a role's password ends in {_days} days",
        {"postgresql-passwords": _state},
        (
            "CREATE ROLE lab_fault LOGIN",
            f"DO $$ BEGIN EXECUTE format('ALTER ROLE lab_fault VALID UNTIL %L', now() + interval '{_days} d'); END $$",
        ),
        ("DROP ROLE lab_fault",),
    )
_simple(
    "postgresql-public-schema-open",
    "everyone may create in the schema public",
    {"postgresql-public-schema": "WARNING"},
    ("GRANT CREATE ON SCHEMA public TO PUBLIC",),
    ("REVOKE CREATE ON SCHEMA public FROM PUBLIC",),
)
_simple(
    "postgresql-role-without-timeout",
    "the application's role may leave a transaction open for ever",
    {"postgresql-roles-without-timeout": "WARNING"},
    (f"ALTER ROLE {APPLICATION} SET idle_in_transaction_session_timeout = 0",),
    (f"ALTER ROLE {APPLICATION} RESET idle_in_transaction_session_timeout",),
)
_simple(
    "postgresql-sessions-expired",
    "a session has not been removed for forty days",
    {"maintenance-sessions": "WARNING"},
    (_OLD_SESSION,),
    ("DELETE FROM public.clientes_active_sessions WHERE id = -1",),
)
