"""Finds secrets and personal data in the last minutes of a log; only counts and byte positions leave this module.

Each kind has words that must stand in a line before its pattern is tried: searching bytes for a word is fast.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from checks.engine.environment.monitoring import Log
from checks.engine.probes.logs.layout import LAYOUTS
from checks.engine.probes.logs.tail import OURS
from checks.engine.probes.logs.window import Block, Window
from checks.engine.readings.logs import Exposed, LogsSecrets

BUDGET = 24 << 20


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: the line is in lower case when `words` are looked for, and as it is when `pattern` is tried."""

    name: str
    words: tuple[bytes, ...]
    pattern: re.Pattern[bytes]


_IS = rb"(?!\*|null|undef|<|\[|REDACTED|FILTERED|hidden|true\b|false\b)[^\s\"',;&}]{4,}"
_VALUE = rb"\\*[\"']?\s*(?:[=:]|%3[Dd])\s*\\*[\"']?" + _IS
# Of a word within a longer one only as a key: reset_password: sent is a sentence.
_KEYED = rb"\\*(?:[\"']\s*:|[\"']?\s*(?:=|%3[Dd]))\s*\\*[\"']?" + _IS
KINDS = (
    Kind(
        "maintenance secret",
        (b"secret",),
        re.compile(rb"(?i)(?:(?<![\w-])|(?<=%[0-9a-f][0-9a-f]))secret" + _VALUE),
    ),
    Kind(
        "password",
        (b"passw", b"senha"),
        re.compile(
            rb"(?i)\b(?:password|passwd|passwort|senha)\w{0,10}"
            + _VALUE
            + rb"|(?:password|passwd|passwort|senha)\w{0,10}"
            + _KEYED
        ),
    ),
    Kind(
        "token or key",
        (b"token", b"api_key", b"api-key", b"apikey", b"bearer ", b"authorization", b"secret"),
        re.compile(
            rb"(?i)(?:\b(?:x-)?(?:access_|refresh_|session_|auth_)?(?:token|api[_-]?key)"
            + _VALUE
            + rb"|(?:(?<!%[0-9a-f])[a-z0-9][_-]?secret|secret[_-]?(?:access[_-]?)?key)"
            + _VALUE
            + rb"|(?:token|api[_-]?key)"
            + _KEYED
            + rb"|\bbearer\s+[A-Za-z0-9._~+/-]{8,}|\bauthorization[\"']?\s*:\s*[\"']?basic\s+[A-Za-z0-9+/=]{8,})"
        ),
    ),
    Kind(
        "presigned URL",
        (b"signature=", b"awsaccesskeyid=", b"x-amz-credential="),
        re.compile(rb"(?i)[?&](?:x-amz-signature|signature|awsaccesskeyid|x-amz-credential)=[^\s&\"]{8,}"),
    ),
    Kind("URL with a password", (b"://",), re.compile(rb"[a-z][a-z0-9+.-]{1,15}://[^\s/:@\"']*:[^\s/@\"']{3,}@")),
    Kind("e-mail address", (b"@", b"%40"), re.compile(rb"[\w.+-]{1,64}(?:@|%40)[\w-]{1,63}\.[\w.-]{2,63}")),
)
# A number with its area code, as it is written; what is digits only is one in a line that speaks of telephones.
_AREA = rb"(?:1[1-9]|2[12478]|3[1-578]|4[1-9]|5[1345]|6[1-9]|7[134579]|8[1-9]|9[1-9])"
_PHONE = re.compile(
    rb"(?:\+|%2[Bb])55[\s-]?\(?" + _AREA + rb"\)?[\s-]?(?:9\d{4}|[2-5]\d{3})[\s-]?\d{4}(?!\d)"
    rb"|\(" + _AREA + rb"\)\s?(?:9\d{4}[\s-]?|[2-5]\d{3}[\s-])\d{4}(?!\d)"
    rb"|(?<![\w.:,/+-])(?:55\s?)?" + _AREA + rb"[\s-]9\d{4}-\d{4}(?![\w-])"
    rb"|(?<![\w.+-])55" + _AREA + rb"9\d{8}(?!\d)"
    rb"|(?<![\w.+-])(?P<bare>" + _AREA + rb"(?:9\d{8}|[2-5]\d{7}))(?![\w.])"
)
_OF_PHONES = re.compile(rb"(?i)phone|fone|celular|mobile|whats|\bsms\b|\btel\b")
_CPF = re.compile(rb"(?<![\d.])(\d{3}\.\d{3}\.\d{3}-\d{2}|\d{11})(?![\d])")
# What a line must hold before these are tried, once every digit is a 0.
_ZEROS = bytes(48 if 48 <= byte <= 57 else byte for byte in range(256))  # noqa: PLR2004 (the ASCII digits)
_PHONE_SHAPES = (b"0000-0000", b"0000 0000", b"00000000")
_CPF_SHAPES = (b"000.000.000-00", b"00000000000")
PERSONAL = ("e-mail address", "telephone number", "CPF")
_EXPECTED = (("ip", b'"ip":'), ("user_id", b'"user_id":'))


class _Found:
    """The lines of each kind."""

    def __init__(self) -> None:
        self.lines = 0
        self.own = 0
        self.by: dict[str, Exposed] = {}
        self.expected: dict[str, int] = {}

    def add(self, block: Block) -> None:
        data = block.data
        own = sum(1 for _ in _lines_with(data, (OURS,)))
        self.lines += data.count(b"\n") - own
        self.own += own
        small = data.lower()
        for kind in KINDS:
            for start, end in _lines_with(small, kind.words):
                if OURS not in data[start:end] and kind.pattern.search(data, start, end):
                    self._count(kind.name, block, start)
        for name, start, end in _of_digits(data):
            if OURS not in data[start:end]:
                self._count(name, block, start)
        for name, word in _EXPECTED:
            number = data.count(word)
            if number:
                self.expected[name] = self.expected.get(name, 0) + number

    def _count(self, kind: str, block: Block, start: int) -> None:
        before = self.by.get(kind)
        if before is None:
            self.by[kind] = Exposed(kind, 1, block.file, block.position + start)
        else:
            self.by[kind] = Exposed(kind, before.lines + 1, before.file, before.position)


def secrets(log: Log, zone: ZoneInfo, seconds: float, until: float, now: float) -> LogsSecrets:
    """Return what of the last `seconds` of a log should not be in it; raises ProbeError where nothing can be read."""
    window = Window(LAYOUTS[log.layout], zone, now - seconds, BUDGET, until, now)
    found = _Found()
    for block in window.blocks(log.pattern):
        found.add(block)
    if found.lines == 0:
        window.expect_readable(log.pattern)
    expected = dict(found.expected)
    if log.layout == "nginx" and found.lines:
        expected["ip"] = found.lines
    return LogsSecrets(
        exposed=tuple(found.by[kind] for kind in sorted(found.by)),
        expected=tuple(sorted(expected.items())),
        own=found.own,
        lines=found.lines,
        read=window.read,
        complete=window.complete,
        unread=len(window.broken_files),
        source=f"the last {seconds:.0f} s of it",
        sampled_at=time.time(),
    )


def kinds_of(text: bytes) -> tuple[str, ...]:
    """Return the kinds that one text holds, each once."""
    data = b" " + text  # as in a line, where something always stands before
    small = data.lower()
    found = [kind.name for kind in KINDS if any(w in small for w in kind.words) and kind.pattern.search(data)]
    return (*found, *dict.fromkeys(name for name, _, _ in _of_digits(data)))


def _of_digits(data: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield (kind, start, end) of each line that holds a telephone number or a CPF."""
    shape = data.translate(_ZEROS)
    for start, end in _lines_with(shape, _PHONE_SHAPES):
        if any(
            match["bare"] is None or _OF_PHONES.search(data, start, end) for match in _PHONE.finditer(data, start, end)
        ):
            yield "telephone number", start, end
    for start, end in _lines_with(shape, _CPF_SHAPES):
        if any(is_cpf(match.group(1)) for match in _CPF.finditer(data, start, end)):
            yield "CPF", start, end


def is_cpf(text: bytes) -> bool:
    """Whether the last two of eleven digits are a CPF's check digits; eleven equal digits are none."""
    digits = [byte - 48 for byte in text if 48 <= byte <= 57]  # noqa: PLR2004 (the ASCII digits)
    if len(set(digits)) == 1:
        return False
    for length in (9, 10):
        rest = sum(digit * (length + 1 - place) for place, digit in enumerate(digits[:length])) * 10 % 11 % 10
        if rest != digits[length]:
            return False
    return True


def _lines_with(data: bytes, words: tuple[bytes, ...]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each line that holds one of some words, each line once."""
    done = 0
    found = {word: data.find(word) for word in words}
    while positions := [at for at in found.values() if at >= 0]:
        at = min(positions)
        start, end = data.rfind(b"\n", 0, at) + 1, _line_end(data, at)
        if at >= done:
            yield start, end
            done = end
        for word, where in found.items():
            if 0 <= where < end:
                found[word] = data.find(word, end)


def _line_end(data: bytes, at: int) -> int:
    end = data.find(b"\n", at)
    return len(data) if end < 0 else end
