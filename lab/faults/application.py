"""What goes wrong with what the application does: silence, mail that stays, addresses that end."""

from lab import postgresql
from lab.environment_file import BUCKET_BYTES
from lab.faults.registry import Act, Fault, register
from lab.running import Running

_AWAY = "lab_away"
_TABLES = {
    "guardian-alerts": ("cliente_ativacoes_panico", "created_at"),
    "alert-messages": ("sent_sms_log", "created_at"),
    "searches": ("ponto_apoio_keywords_log", "created_on"),
    "active-users": ("clientes_app_activity_log", "created_at"),
}


def _do(*statements: str) -> Act:
    return lambda running: running.primary.execute(statements)


def _silence(figure: str) -> Act:
    """Return an act that moves the last ten days' rows far into the past; nothing is lost, and nothing points away."""
    table, moment = _TABLES[figure]

    def act(running: Running) -> None:
        shift = (
            f"UPDATE {table} SET {moment} = {moment} - interval '100 years' WHERE {moment} > now() - interval '10 d'"
        )
        running.primary.execute((shift,))

    return act


def _speak(figure: str) -> Act:
    table, moment = _TABLES[figure]
    shift = (
        f"UPDATE {table} SET {moment} = {moment} + interval '100 years' WHERE {moment} < now() - interval '90 years'"
    )
    return _do(shift)


for _figure, _state in (
    ("guardian-alerts", "CRITICAL"),
    ("alert-messages", "CRITICAL"),
    ("searches", "WARNING"),
    ("active-users", "WARNING"),
):
    register(
        Fault(
            f"silent-{_figure}",
            f"no {_figure.replace('-', ' ')} for ten days",
            ("application",),
            {f"application-{_figure}@penhas": _state},
            _silence(_figure),
            _speak(_figure),
        )
    )


def _empty(*tables: str) -> Act:
    """Return an act that takes every row out of these tables, and keeps them beside."""
    aside = tuple(f"CREATE TABLE {_AWAY}_{table} AS TABLE {table}" for table in tables)
    return _do(*aside, f"TRUNCATE {', '.join(tables)}")


def _fill(*tables: str) -> Act:
    back = ((f"INSERT INTO {table} SELECT * FROM {_AWAY}_{table}", f"DROP TABLE {_AWAY}_{table}") for table in tables)
    return _do(*(statement for pair in back for statement in pair))


for _name, _what, _services, _figure, _emptied in (
    ("messages", "the messages to guardians", ("application",), "alert-messages", ("sent_sms_log",)),
    ("recordings", "recordings", ("application", "s3"), "audio-uploads", ("media_upload", "clientes_audios")),
):
    register(
        Fault(
            f"emptied-{_name}",
            f"somebody emptied the table of {_what}",
            _services,
            {f"application-{_figure}@penhas": "CRITICAL"},
            _empty(*_emptied),
            _fill(*_emptied),
        )
    )
_GRANTS = f"GRANT SELECT, INSERT, UPDATE, DELETE ON clientes TO {postgresql.APPLICATION}"
register(
    Fault(
        "emptied-users",
        "an empty table stands where that of the users was",
        ("application",),
        {"application-users-growth@penhas": "CRITICAL"},
        # what hangs on the users goes on to hang on them
        _do(
            f"ALTER TABLE clientes RENAME TO {_AWAY}_clientes",
            f"CREATE TABLE clientes (LIKE {_AWAY}_clientes INCLUDING ALL)",
            f"ALTER TABLE clientes OWNER TO {postgresql.OWNER}",
            _GRANTS,
        ),
        _do("DROP TABLE clientes", f"ALTER TABLE {_AWAY}_clientes RENAME TO clientes"),
    )
)
register(
    Fault(
        "uploads-surge",
        "recordings come in such numbers that they fill what is set aside for them within days",
        ("application",),
        {"application-uploads-growth@penhas": "WARNING"},
        # without an address: no object is missed for them
        _do(
            "INSERT INTO media_upload (id, cliente_id, created_at, intention, file_sha1, file_size, s3_path)"
            " SELECT 'lab-surge-' || day, (SELECT min(id) FROM clientes), now() - day * interval '1 day',"
            f" 'guardiao', '', {BUCKET_BYTES // 190}, '' FROM generate_series(0, 179) AS day"
        ),
        _do("DELETE FROM media_upload WHERE id LIKE 'lab-surge-%'"),
    )
)
_MAIL = 'config_id, template, "to", subject'
_LETTER = "(SELECT min(id) FROM emaildb_config), 'lab', 'marcada.lab@invalid', 'lab'"
_NO_MAIL = _do("DELETE FROM emaildb_queue WHERE template = 'lab'")
register(
    Fault(
        "mail-stuck",
        "a mail has waited for an hour",
        ("application",),
        {"application-mail-sent@penhas": "CRITICAL"},
        _do(f"INSERT INTO emaildb_queue ({_MAIL}, created_at) SELECT {_LETTER}, now() - interval '1 hour'"),
        _NO_MAIL,
    )
)
register(
    Fault(
        "mail-failing",
        "ten mails failed within the hour",
        ("application",),
        {"application-mail-failures@penhas": "WARNING"},
        _do(
            f"INSERT INTO emaildb_queue ({_MAIL}, sent, updated_at, errmsg)"
            f" SELECT {_LETTER}, false, now(), 'lab' FROM generate_series(1, 10)"
        ),
        _NO_MAIL,
    )
)
register(
    Fault(
        "media-key-rotated",
        "the key that signs was changed: the newest address has another one than all before",
        ("application",),
        {"application-addresses@penhas": "CRITICAL"},
        _do(
            "UPDATE media_upload SET s3_path = replace(s3_path, 'AWSAccessKeyId=', 'AWSAccessKeyId=LAB')"
            " WHERE id = (SELECT id FROM media_upload ORDER BY created_at DESC LIMIT 1)"
        ),
        _do("UPDATE media_upload SET s3_path = replace(s3_path, 'AWSAccessKeyId=LAB', 'AWSAccessKeyId=')"),
    )
)
register(
    Fault(
        "media-address-broken",
        "a stored address is no address of the web",
        ("application",),
        {"application-addresses@penhas": "WARNING"},
        _do(
            "UPDATE media_upload SET s3_path = replace(s3_path, 'https://', 'lab://')"
            " WHERE id = (SELECT id FROM media_upload ORDER BY created_at DESC OFFSET 1 LIMIT 1)"
        ),
        _do("UPDATE media_upload SET s3_path = replace(s3_path, 'lab://', 'https://')"),
    )
)
register(
    Fault(
        "media-avatar-lost",
        "the small picture of the newest upload is not in the bucket",
        ("application", "s3"),
        {"s3-objects@media": "CRITICAL"},
        _do(
            "UPDATE media_upload SET s3_path_avatar = replace(s3_path, '.m4a', '.lab'), file_size_avatar = 9"
            " WHERE id = (SELECT id FROM media_upload ORDER BY created_at DESC LIMIT 1)"
        ),
        _do("UPDATE media_upload SET s3_path_avatar = NULL, file_size_avatar = NULL"),
    )
)
register(
    Fault(
        "media-addresses-end",
        "the stored addresses end within the month",
        ("application",),
        {"application-addresses@penhas": "WARNING"},
        _do(
            "UPDATE media_upload SET s3_path = replace(s3_path, 'Expires=2145916800',"
            " 'Expires=' || extract(epoch FROM now() + interval '20 days')::bigint)"
        ),
        _do("UPDATE media_upload SET s3_path = regexp_replace(s3_path, 'Expires=\\d+', 'Expires=2145916800')"),
    )
)
