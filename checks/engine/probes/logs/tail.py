"""Counts what the last minutes of a log hold: levels, errors by shape, fields of JSON entries, slow requests."""

import json
import re
import time
from collections import Counter
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from checks.engine.environment.monitoring import Log
from checks.engine.probes.folding import fold_message, fold_path
from checks.engine.probes.logs.layout import ERRORS, LAYOUTS
from checks.engine.probes.logs.window import Block, Window
from checks.engine.readings.logs import Kind, LogsTail, Shape, SlowRequest

BUDGET = 64 << 20
FIELDS = ("timestamp", "level", "message", "request_id", "user_id", "endpoint", "method", "ip")
OURS = b"penhas-checks/"
_SLOW = re.compile(r"Requisição lenta: ([A-Z]{3,7}) (\S+) levou ([0-9.]{1,12})s".encode())
_LEVELS = ("TRAC", "DEBU", "INFO", "WARN", "ERRO", "FATA")  # as the public layout cuts them
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_:.]{0,60}|\d{1,9}")
_MOST_PARSED = 2000
_MOST_SHAPED = 5000
_SHOWN = 5
_KINDS = 100
_SELDOM = 2  # a message that occurs no more often may still be somebody's words


class _Counts:
    """What was counted so far."""

    def __init__(self, log: Log, zone: ZoneInfo) -> None:
        self.log = log
        self.zone = zone
        self.layout = LAYOUTS[log.layout]
        self.lines = self.entries = self.broken = self.leading = 0
        self.own = self.structured = self.parsed = 0
        self.by: Counter[tuple[bytes, bytes]] = Counter()
        self.shapes: Counter[tuple[str, str, str]] = Counter()
        self.shaped = 0
        self.first: dict[tuple[str, str, str], float] = {}
        self.without: Counter[str] = Counter()
        self.slow: dict[tuple[str, str], tuple[int, float]] = {}
        self.newest: tuple[bytes, ...] = ()

    def add(self, block: Block) -> None:
        data, own = _without_own(block.data)
        self.own += own
        lines = data.count(b"\n")
        found: Counter[tuple[bytes, bytes, bytes]] = Counter(self.layout.heads.findall(data))
        entries = found.total()
        if entries < lines:
            self._strange(data)
        self.lines += lines
        self.entries += entries
        for (level, category, brace), number in found.items():
            self.by[level, category] += number
            self.structured += number if brace == b"{" and self.log.structured else 0
        if any(level in ERRORS for level, _, _ in found):
            self._errors(data)
        if self.log.structured and self.parsed < _MOST_PARSED:
            self._parse(data)
        for slow in _SLOW.finditer(data):
            self._slow(slow)
        self.newest = (*self.newest, *self._stamps(data[data.rfind(b"\n", 0, -1) + 1 :]))[-64:]

    def _stamps(self, line: bytes) -> list[bytes]:
        return [match["stamp"] for match in self.layout.entry.finditer(line)]

    def _strange(self, data: bytes) -> None:
        """Look at what lies between entries."""
        end, first = 0, self.entries == 0
        for match in self.layout.entry.finditer(data):
            if match.start() > end:
                self._between(data[end : match.start()], first=first)
            end, first = match.end() + 1, False
        if end < len(data):
            self._between(data[end:], first=first)

    def _errors(self, data: bytes) -> None:
        """Keep the shapes of the errors."""
        for match in self.layout.entry.finditer(data):
            if self.shaped >= _MOST_SHAPED:
                return
            if match["level"] in ERRORS:
                self.shaped += 1
                text = match["message"].decode("utf-8", "replace")
                shape = "a JSON entry" if text.startswith("{") else fold_message(text)
                key = (_name(match["level"]), _name(match["category"]), shape)
                self.shapes[key] += 1
                self._stamped(key, match["stamp"])

    def _stamped(self, key: tuple[str, str, str], stamp: bytes) -> None:
        """Keep when an error was first seen: files come newest first."""
        moment = self.layout.moment(stamp, self.zone)
        if moment is not None:
            self.first[key] = min(moment, self.first.get(key, moment))

    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds of errors, the most frequent first."""
        return tuple(
            Kind(level, category, shape if count > _SELDOM else "", count, self.first.get((level, category, shape)))
            for (level, category, shape), count in self.shapes.most_common(_KINDS)
        )

    def _parse(self, data: bytes) -> None:
        """Take note of what the first JSON entries lack."""
        for match in self.layout.entry.finditer(data):
            if match["message"].startswith(b"{"):
                self._entry(match["message"])
                if self.parsed >= _MOST_PARSED:
                    return

    def _between(self, data: bytes, *, first: bool) -> None:
        """Count lines that do not begin an entry: those that belong to the one before them are no fault."""
        strange = sum(line != b"" and line[:1] not in b" \t" for line in data.splitlines())
        if first:
            self.leading += strange  # they may belong to an entry from before the window
        else:
            self.broken += strange

    def _entry(self, message: bytes) -> None:
        self.parsed += 1
        try:
            table = json.loads(message)
        except (ValueError, RecursionError):
            self.without["JSON that can be parsed"] += 1
            return
        if isinstance(table, dict):
            self.without.update(name for name in FIELDS if name not in table)

    def _slow(self, found: re.Match[bytes]) -> None:
        try:
            seconds = float(found.group(3))
        except ValueError:
            return
        key = (found.group(1).decode("ascii"), fold_path(found.group(2).decode("utf-8", "replace")))
        count, slowest = self.slow.get(key, (0, 0.0))
        self.slow[key] = (count + 1, max(slowest, seconds))


def _without_own(data: bytes) -> tuple[bytes, int]:
    """Return what is left without the lines of this suite's own requests, and how many those are."""
    kept: list[bytes] = []
    done = own = 0
    while (at := data.find(OURS, done)) >= 0:
        kept.append(data[done : data.rfind(b"\n", 0, at) + 1])
        done, own = (data.find(b"\n", at) + 1) or len(data), own + 1
    return (b"".join((*kept, data[done:])), own) if own else (data, 0)


def tail(log: Log, zone: ZoneInfo, seconds: float, until: float, now: float) -> LogsTail:
    """Return what the last `seconds` of a log hold; raises ProbeError where nothing in it can be read."""
    window = Window(LAYOUTS[log.layout], zone, now - seconds, BUDGET, until, now)
    counts = _Counts(log, zone)
    for block in window.blocks(log.pattern):
        counts.add(block)
    if counts.lines == 0:
        window.expect_readable(log.pattern)
    return _reading(counts, window, seconds, now)


def _reading(counts: _Counts, window: Window, seconds: float, now: float) -> LogsTail:
    log = counts.log
    moments = [moment for stamp in counts.newest if (moment := counts.layout.moment(stamp, window.zone)) is not None]
    is_access = log.layout == "nginx"
    levels: Counter[str] = Counter()
    errors = 0
    for (level, _), number in counts.by.items():
        levels[_name(level)] += number
        errors += number if level in ERRORS or (is_access and level.startswith(b"5")) else 0
    broken = counts.broken + (counts.leading if counts.entries == 0 else 0)
    return LogsTail(
        lines=counts.lines,
        entries=counts.entries,
        broken=broken,
        broken_ratio=broken / counts.lines if counts.lines else 0.0,
        newest_age=now - max(moments) if moments else None,
        levels=tuple(sorted(levels.items())),
        errors=errors,
        error_ratio=errors / counts.entries if counts.entries else 0.0,
        shapes=tuple(
            Shape(level, category, shape, number)
            for (level, category, shape), number in counts.shapes.most_common(_SHOWN)
        ),
        kinds=counts.kinds(),
        all_kinds=counts.shaped < _MOST_SHAPED and len(counts.shapes) <= _KINDS,
        levels_due=log.levels != {},
        too_low=() if is_access else _too_low(log.levels, counts.by),
        structured_due=log.structured,
        structured=counts.structured,
        without=tuple(sorted(counts.without.items())),
        slow=tuple(
            sorted(
                (SlowRequest(m, path, n, slowest) for (m, path), (n, slowest) in counts.slow.items()),
                key=lambda one: (-one.count, one.endpoint),
            )[:20]
        ),
        own=counts.own,
        read=window.read,
        seconds=seconds,
        complete=window.complete,
        unread=len(window.broken_files),
        source=f"the last {seconds:.0f} s of it",
        sampled_at=time.time(),
    )


def _too_low(least: Mapping[str, str], by: Counter[tuple[bytes, bytes]]) -> tuple[tuple[str, str, int], ...]:
    """Return what categories wrote below their level; a category's level is that of its nearest parent, else root's."""
    found = []
    for (level_bytes, category_bytes), number in by.items():
        level, category = _name(level_bytes), _name(category_bytes)
        parent = category
        while parent not in least and parent != "":
            parent = parent.rpartition("::" if "::" in parent else ".")[0]
        limit, written = least.get(parent, least.get("root", ""))[:4], level[:4]
        if limit in _LEVELS and written in _LEVELS and _LEVELS.index(written) < _LEVELS.index(limit):
            found.append((category, level, number))
    return tuple(sorted(found))


def _name(name: bytes) -> str:
    text = name.decode("ascii", "replace")
    return text if _NAME.fullmatch(text) else "other"
