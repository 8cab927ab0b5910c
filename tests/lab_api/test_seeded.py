"""Tests of a seeded lab: healthy, fresh, marked in every sensitive place, and with backups that hold what they say."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from typing import Any

import boto3
import psycopg
import pytest
import redis

from lab import minion, postgresql
from lab.client import Lab
from lab.marked import MARKERS
from lab.seed import refresh
from lab.seed.store import S3Settings

SENSITIVE = {
    "clientes": "nome_completo email cpf_hash cpf_prefix cep apelido dt_nasc senha_sha256",
    "clientes_guardioes": "nome celular_e164 token",
    "sent_sms_log": "phonenumber message",
    "cliente_ativacoes_panico": "gps_lat gps_long alert_sent_to",
    "chat_message": "convert_from(message,'UTF8')",
    "emaildb_queue": '"to" subject variables',
    "ponto_apoio_keywords_log": "keywords",
    "login_erros": "remote_ip",
    "media_upload": "s3_path",
    "anonymous_quiz_session": "remote_id responses",
}


def rows(connection: psycopg.Connection[Any], statement: str) -> list[Any]:
    return [row[0] if len(row) == 1 else row for row in connection.execute(statement.encode()).fetchall()]


def s3_settings(lab: Lab) -> S3Settings:
    return S3Settings(
        lab.admin["s3"],
        "us-east-1",
        lab.admin["s3_access_key"],
        lab.admin["s3_secret_key"],
        "penhas-media",
        "penhas-backups",
    )


@pytest.fixture(scope="module")
def store(lab: Lab) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=lab.admin["s3"],
        region_name="us-east-1",
        aws_access_key_id=lab.admin["s3_access_key"],
        aws_secret_access_key=lab.admin["s3_secret_key"],
    )


def listed(store: Any, bucket: str) -> dict[str, int]:
    pages = store.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", ())}


@pytest.mark.parametrize("table", SENSITIVE)
def test_every_sensitive_column_is_marked_in_every_row(database: psycopg.Connection[Any], table: str) -> None:
    for column in SENSITIVE[table].split():
        values = rows(database, f"SELECT ({column})::text FROM {table}")
        assert values
        assert [value for value in values if not any(marker in value for marker in MARKERS)] == [], column


def test_jobs_that_hold_messages_are_marked(database: psycopg.Connection[Any]) -> None:
    arguments = rows(database, "SELECT args::text FROM minion_jobs WHERE task = 'send_sms'")
    assert arguments
    assert all(any(marker in text for marker in MARKERS) for text in arguments)


def test_history_reaches_from_months_ago_to_now(database: psycopg.Connection[Any]) -> None:
    newest = rows(database, "SELECT extract(epoch FROM now() - max(created_at))::float FROM clientes_app_activity_log")
    assert 0 <= newest[0] < 4 * 3600
    days = rows(
        database,
        "SELECT count(*) FROM media_upload WHERE intention = 'guardiao'"
        " GROUP BY date_trunc('month', created_at) ORDER BY date_trunc('month', created_at)",
    )
    assert len(days) >= 6
    future = rows(database, "SELECT count(*) FROM emaildb_queue WHERE updated_at > now() OR sent IS NULL")
    assert future == [0]


def test_every_foreign_key_has_an_index(database: psycopg.Connection[Any]) -> None:
    assert (
        rows(
            database,
            "SELECT conname FROM pg_constraint c WHERE contype = 'f' AND NOT EXISTS (SELECT 1 FROM pg_index i"
            " WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1] AND i.indpred IS NULL)",
        )
        == []
    )


def test_every_sequence_is_ahead_of_its_column(database: psycopg.Connection[Any]) -> None:
    serials = rows(
        database,
        "SELECT refobjid::regclass::text, objid::regclass::text FROM pg_depend JOIN pg_class c ON c.oid = objid"
        " WHERE relkind = 'S' AND deptype = 'a' AND refobjsubid > 0 AND relnamespace = 'public'::regnamespace",
    )
    assert len(serials) > 20
    for table, sequence in serials:
        behind = f"SELECT s.last_value < coalesce((SELECT max(id) FROM {table}), 0) FROM {sequence} s"
        assert rows(database, behind) == [False], table


def test_every_upload_has_its_object_and_the_key_of_today(
    lab: Lab, database: psycopg.Connection[Any], store: Any
) -> None:
    path = r"'\.com/([^?]+)\?AWSAccessKeyId=([^&]+)&'"
    found = rows(database, f"SELECT regexp_match(s3_path, {path}), file_size FROM media_upload")
    assert {names[0]: size for names, size in found} == listed(store, "penhas-media")
    assert {names[1] for names, _ in found} == {lab.admin["s3_access_key"]}


def test_no_job_waits_that_could_run(database: psycopg.Connection[Any]) -> None:
    assert rows(database, "SELECT count(*) FROM minion_jobs WHERE state = 'inactive' AND delayed <= now()") == [0]
    assert rows(database, "SELECT count(*) FROM minion_jobs WHERE state = 'inactive'") == [6]
    recent = "SELECT count(*) FROM minion_jobs WHERE state = 'failed' AND finished > now() - interval '1 day'"
    assert rows(database, recent) == [0]
    assert rows(database, "SELECT count(*) > 50 FROM minion_jobs WHERE state = 'failed'") == [True]
    assert rows(database, "SELECT count(*) >= 1 FROM minion_workers WHERE notified > now() - interval '10 min'") == [
        True
    ]


def test_every_redis_key_is_marked_and_ends(lab: Lab) -> None:
    with redis.Redis.from_url(lab.admin["redis"]) as client:
        keys = list(client.scan_iter("penhas:CaS:*", count=1000))
        assert len(keys) >= 150
        assert all(b"MARCADA-" in key for key in keys)
        assert all(client.ttl(key) > 86400 for key in keys)
        assert all(client.ttl(key) > 0 for key in client.scan_iter(count=1000))


def test_refreshing_twice_changes_nothing_that_counts(lab: Lab, database: psycopg.Connection[Any]) -> None:
    refresh(lab.admin["primary"], lab.admin["redis"], s3_settings(lab), lab.flavour, worker=False)
    before = rows(database, "SELECT count(*) FROM clientes_app_activity_log")
    refresh(lab.admin["primary"], lab.admin["redis"], s3_settings(lab), lab.flavour, worker=True)
    assert rows(database, "SELECT count(*) FROM clientes_app_activity_log")[0] - before[0] <= 1
    assert rows(database, "SELECT count(*) FROM minion_jobs WHERE state = 'inactive'") == [6]


def test_a_dump_for_each_day_bears_its_time_and_restores(
    lab: Lab, database: psycopg.Connection[Any], store: Any, tmp_path: Path
) -> None:
    binaries = postgresql.find("auto").folder
    sizes = listed(store, "penhas-backups")
    dumps = sorted(key for key in sizes if key.endswith(".dump"))
    assert len(dumps) >= 7
    assert {key.removesuffix(".dump") + ".globals.sql" for key in dumps} <= sizes.keys()
    assert [sizes[key] for key in dumps] == sorted(sizes[key] for key in dumps)
    for item in store.list_objects_v2(Bucket="penhas-backups", Prefix=dumps[0])["Contents"]:
        assert item["LastModified"].strftime("%Y-%m-%dT%H%M%SZ") == dumps[0][-23:-5]
    newest = datetime.strptime(dumps[-1][-23:-5] + "+0000", "%Y-%m-%dT%H%M%SZ%z")
    assert (datetime.now(UTC) - newest).total_seconds() < 12 * 3600  # of a template as old as one may be
    for key in (dumps[0], dumps[-1]):
        file = tmp_path / "dump"
        store.download_file("penhas-backups", key, str(file))
        stamp = datetime.strptime(key[-23:-5] + "+0000", "%Y-%m-%dT%H%M%SZ%z")
        listing = subprocess.run(
            [binaries / "pg_restore", "--list", file], env={"TZ": "UTC"}, capture_output=True, text=True, check=True
        ).stdout
        assert f"Archive created at {stamp:%Y-%m-%d %H:%M:%S} UTC" in listing
        database.execute("CREATE DATABASE restored TEMPLATE template0")
        try:
            into = lab.admin["primary"].replace("/penhas?", "/restored?")
            subprocess.run([binaries / "pg_restore", "--exit-on-error", f"--dbname={into}", file], check=True)
            with psycopg.connect(into) as copy:
                late = rows(copy, "SELECT max(created_at) FROM clientes_app_activity_log")[0]
                assert 0 < (stamp - late).total_seconds() < 4 * 3600
                assert rows(copy, "SELECT count(*) FROM ponto_apoio_por_uf")[0] > 0
                assert rows(copy, "SELECT count(*) FROM pg_largeobject_metadata") == [5]
        finally:
            database.execute("DROP DATABASE IF EXISTS restored WITH (FORCE)")


MINIONS = "'^(minion_(jobs|locks|workers)|mojo_migrations)$'"
SHAPE = f"""
    SELECT 'column', table_name, column_name, udt_name, is_nullable, column_default, ordinal_position::text
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name ~ {MINIONS}
    UNION SELECT 'index', indexdef, '', '', '', '', '' FROM pg_indexes
    WHERE schemaname = 'public' AND tablename ~ {MINIONS}
    UNION SELECT 'constraint', relname, conname, pg_get_constraintdef(c.oid), '', '', ''
    FROM pg_constraint c JOIN pg_class r ON r.oid = conrelid WHERE relname ~ {MINIONS}
    UNION SELECT 'trigger', pg_get_triggerdef(t.oid), '', '', '', '', ''
    FROM pg_trigger t JOIN pg_class r ON r.oid = tgrelid WHERE NOT tgisinternal AND relname ~ {MINIONS}
    UNION SELECT 'function', proname, pg_get_function_identity_arguments(oid), prorettype::regtype::text, '', '', ''
    FROM pg_proc WHERE proname ~ '^minion_'
    UNION SELECT 'relation', relname, relkind::text, relpersistence::text, '', '', ''
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname ~ '^(minion|mojo)_'
    UNION SELECT 'version', name, version::text, '', '', '', '' FROM mojo_migrations
    ORDER BY 1, 2, 3
"""


@pytest.mark.skipif(which("perl") is None or not minion.available(), reason="Minion is not installed here")
def test_minions_tables_are_those_that_minion_makes(lab: Lab, database: psycopg.Connection[Any]) -> None:
    database.execute("CREATE DATABASE minion TEMPLATE template0")
    try:
        where = lab.admin["primary"].replace("/penhas?", "/minion?")
        script = "use Mojolicious::Lite; plugin Minion => {Pg => $ARGV[0]}; app->minion->stats"
        folder, port = lab.admin["primary"].split("host=")[1].split("&port=")
        target = f"postgresql://postgres@{folder.replace('/', '%2F')}:{port}/minion"
        subprocess.run(["perl", "-e", script, target], check=True, timeout=30)
        with psycopg.connect(where) as theirs:
            assert rows(database, SHAPE) == rows(theirs, SHAPE)
    finally:
        database.execute("DROP DATABASE minion WITH (FORCE)")
