"""Secrets and personal data are counted, never shown."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from checks.engine.model import ProbeError, State
from checks.engine.probes.logs.secrets import is_cpf, secrets
from checks.engine.probes.logs.tail import tail
from checks.engine.readings.logs import LogsSecrets
from checks.logs import test_application_log as of_application
from checks.logs import test_log_secrets as of_secrets
from checks.performance import test_slow_requests as of_slow
from tests.monitoring.test_log_tail import NOW, line, log, write
from tests.services.saying import says

SOON = time.monotonic() + 3600


def _found(path: Path, *texts: str, layout: str = "guide") -> LogsSecrets:
    write(path, *(line(9, text, layout) for text in texts))
    return secrets(log(path, layout), ZoneInfo("UTC"), 900, SOON, NOW)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("GET /maintenance/housekeeping?secret=abcd1234", "maintenance secret"),
        ("login password=hunter22", "password"),
        ('{"senha":"hunter22"}', "password"),
        ("x-api-key: abcdefgh", "token or key"),
        ("Authorization: Bearer abcdefgh.ijkl", "token or key"),
        ("access_token=abcdefgh", "token or key"),
        ("https://s3/x?AWSAccessKeyId=AKIA1234567&Signature=abcdefgh", "presigned URL"),
        ("connect postgresql://penhas:hunter22@db1/penhas failed", "URL with a password"),
        ("login de ana.souza@exemplo.invalid", "e-mail address"),
        ("/reset?email=ana%40exemplo.invalid", "e-mail address"),
        ("sms para +5511977130001", "telephone number"),
        ("sms para (11) 97713-0001", "telephone number"),
        ("para (11) 97713-0001", "telephone number"),
        ("para (11) 3277-0001", "telephone number"),
        ("para 11 97713-0001", "telephone number"),
        ("para 11-97713-0001.", "telephone number"),
        ("para +55 11 3277-0001", "telephone number"),
        ("/invite?to=%2B5511977130001", "telephone number"),
        ("wa 5511977130001@c.us", "telephone number"),
        ("sms para 11977130001", "telephone number"),
        ('{"celular":"11977130001"}', "telephone number"),
        ("telefone: 1132770001", "telephone number"),
        ("csrf_token=abcdefgh", "token or key"),
        ('{"accessToken":"abcdefgh"}', "token or key"),
        ('{"client_secret":"abcdefgh"}', "token or key"),
        ("AWS_SECRET_ACCESS_KEY=abcdefgh", "token or key"),
        ("client_secret: abcdefgh", "token or key"),
        ('"{\\"client_secret\\":\\"abcdefgh\\"}"', "token or key"),
        ("next=%2Fx%3Fsecret%3Dabcdefgh", "maintenance secret"),
        ("(secret=abcdefgh)", "maintenance secret"),
        ("new_password=hunter22", "password"),
        ('{"user_password":"hunter22"}', "password"),
        ("cpf 529.982.247-25", "CPF"),
        ("cpf 52998224725", "CPF"),
    ],
)
def test_each_kind_is_found_and_not_shown(tmp_path: Path, text: str, kind: str) -> None:
    found = _found(tmp_path / "a.log", "nothing here", text)
    assert kind in [one.kind for one in found.exposed]
    one = next(one for one in found.exposed if one.kind == kind)
    assert (one.lines, one.file, one.position) == (1, "a.log", len(line(9, "nothing here")))
    shown = repr(dataclasses.asdict(dataclasses.replace(found, sampled_at=0.0)))
    assert not any(word in shown for word in ("hunter22", "abcd", "ana", "97713", "3277", "529", "AKIA"))


@pytest.mark.parametrize(
    "text",
    [
        "password=***",
        "token=[REDACTED]",
        "password: null",
        "secretaria aberta",
        "job 52998224724 terminado",
        "job 11111111111 terminado",
        "see http://localhost:3000/x",
        "order 123.456.789-00",
        "a@b",
        "job 11977130001 terminado",
        "pedido 1132770001",
        "celular ok 2026-11-28 10:43:11,977 1790000000 1790000000123",
        "celular 119.977130001 11977130001ab",
        "em 11 97713 0001 linhas",
        "(12) 20261128",
        "a 20 97713-0001",
        "6f1c1a52-11-97713-0001-58",
        "tokens=4096",
        "job reset_password: enviado",
        "InvalidToken: recusado",
        "secretaria: aberta",
        "client_secret=***",
        '{\\"client_secret\\":\\"***\\"}',
        "token_type=Bearer",
    ],
)
def test_what_only_looks_like_one_is_not(tmp_path: Path, text: str) -> None:
    assert _found(tmp_path / "a.log", text).exposed == ()


def test_a_line_counts_once_a_kind_and_the_suites_own_requests_not_at_all(tmp_path: Path) -> None:
    found = _found(tmp_path / "a.log", "?secret=abcd1234 ?secret=abcd1234", "?secret=abcd1234 penhas-checks/1")
    assert [(one.kind, one.lines) for one in found.exposed] == [("maintenance secret", 1)]
    assert (found.own, found.lines) == (1, 1)


def test_a_log_of_nothing_but_the_suites_own_requests_is_not_judged(tmp_path: Path) -> None:
    found = _found(tmp_path / "a.log", "?secret=abcd1234 penhas-checks/1 penhas-checks/1")
    assert (found.own, found.lines) == (1, 0)
    assert says(of_secrets.test_logs_secrets, found)[0] is State.NOT_JUDGED


def test_ip_and_user_are_expected(tmp_path: Path) -> None:
    found = _found(tmp_path / "a.log", '{"ip":"203.0.113.4","user_id":7}')
    assert found.exposed == ()
    assert dict(found.expected) == {"ip": 1, "user_id": 1}


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("529.982.247-25", True),
        ("52998224725", True),
        ("52998224726", False),
        ("00000000000", False),
        ("11144477735", True),
    ],
)
def test_check_digits(text: str, *, valid: bool) -> None:
    assert is_cpf(text.encode()) is valid


def test_a_log_that_cannot_be_read_is_not_one_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.log", line(9, "password=hunter22"))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ProbeError) as error:
        secrets(log(path), ZoneInfo("UTC"), 900, SOON, NOW)
    assert "cannot be read" in error.value.why


@pytest.mark.parametrize("read", [tail, secrets], ids=["tail", "secrets"])
def test_a_log_that_is_not_there_is_not_one_in_which_nothing_is_wrong(
    tmp_path: Path, read: Callable[..., object]
) -> None:
    with pytest.raises(ProbeError) as error:
        read(log(tmp_path / "no.log"), ZoneInfo("UTC"), 900, SOON, NOW)
    assert error.value.why == "no file matches its pattern"


def test_nothing_that_was_logged_is_nothing_to_judge(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", line(9000, "password=hunter22"), age=9000)
    found = secrets(log(path), ZoneInfo("UTC"), 900, SOON, NOW)
    assert says(of_secrets.test_logs_secrets, found)[0] is State.NOT_JUDGED
    counted = tail(log(path), ZoneInfo("UTC"), 900, SOON, NOW)
    assert says(of_application.test_logs_levels, counted)[0] is State.NOT_JUDGED
    assert says(of_application.test_logs_layout, counted)[0] is State.NOT_JUDGED
    assert says(of_slow.test_slow_requests_logged, counted)[0] is State.NOT_JUDGED
    assert says(of_application.test_logs_errors_new, counted, counted.sampled_at - 300)[0] is State.NOT_JUDGED


def test_what_there_was_no_time_to_read_is_nothing_to_judge(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", line(9, "password=hunter22"))
    found = secrets(log(path), ZoneInfo("UTC"), 900, time.monotonic() - 1, NOW)
    assert says(of_secrets.test_logs_secrets, found)[0] is not State.OK
