"""What logrotate is told of a log (logrotate(8)), and what came of it: rotated files, and who writes to which file."""

import fnmatch
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from checks.engine.environment.monitoring import Log, Rotation
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.logs.files import group_name, user_name
from checks.engine.probes.logs.layout import LAYOUTS
from checks.engine.probes.logs.window import files, with_rotated
from checks.engine.readings.logs import LogsRotation, Writer

PROC = Path("/proc")
_FIRST = 1 << 16
_WITH_ROTATION = (-5.0, 120.0)  # seconds around a rotation in which a start is no coincidence
_EVERY = ("hourly", "daily", "weekly", "monthly", "yearly")


@dataclass(frozen=True, slots=True)
class Stanza:
    """The patterns of one stanza, its directives (those outside of stanzas before them), and its postrotate script."""

    patterns: tuple[str, ...]
    directives: tuple[str, ...]
    script: str

    def value(self, word: str) -> str | None:
        """Return what follows a directive, the last one of that name; None where it is not there."""
        found = [line for line in self.directives if line.split()[0] == word]
        return found[-1].partition(" ")[2].strip() if found else None


def rotation(log: Log, rule: Rotation, zone: ZoneInfo, now: float) -> LogsRotation:
    """Return configuration and effect; raises ProbeError where the log has no file at all."""
    current = files(log.pattern)
    names = {path for path, _ in current}
    old = [(path, found) for path, found in files(log.pattern, rotated=True) if path not in names]
    if not current and not old:
        raise ProbeError(Reason.NO_DATA, "no file matches its pattern", "Mend the pattern, or see who should write it.")
    ages = [now - found.st_mtime for _, found in old]
    stanza = None if rule.config is None else _stanza(Path(rule.config), log.pattern, [str(p) for p in names])
    writers, blind = _writers(log.pattern, names)
    newest = current[0][1] if current else old[0][1]
    return LogsRotation(
        covered=None if rule.config is None else stanza is not None,
        every=None if stanza is None else next((e for e in reversed(stanza.directives) if e in _EVERY), None),
        rotate=None if stanza is None else _integer(stanza.value("rotate")),
        directives=None if stanza is None else tuple(dict.fromkeys(d.split()[0] for d in stanza.directives)),
        create=None if stanza is None else stanza.value("create"),
        signal=None if stanza is None else _signal(stanza.script),
        keep_days=rule.keep_days,
        current_age=_began(log, current[0][0], zone, now) if current else None,
        newest_rotated_age=min(ages, default=None),
        oldest_rotated_age=max(ages, default=None),
        rotated=len(old),
        beyond=sum(age > (rule.keep_days + 2) * 86400 for age in ages),
        uncompressed=sum(path.suffix not in {".gz", ".xz", ".zst", ".bz2"} for path, _ in old[1:]),
        writers=writers,
        blind=blind,
        restarted=_restarted(writers, old[0][1], now) if old and writers else None,
        mode=f"{stat.S_IMODE(newest.st_mode):04o}",
        owner=f"{user_name(newest.st_uid)} {group_name(newest.st_gid)}",
        source="logrotate's configuration and the files that it left",
        sampled_at=now,
    )


def stanzas(text: str) -> Iterator[Stanza]:
    """Yield the stanzas of a logrotate configuration."""
    outside: list[str] = []
    patterns: list[str] = []
    inside: list[str] | None = None
    script: list[str] | None = None
    scripts = ""
    for raw in text.splitlines():
        line = raw.strip()
        if script is not None:
            if line == "endscript":
                scripts, script = "\n".join(script), None
            else:
                script.append(line)
        elif line == "" or line.startswith("#"):
            continue
        elif inside is None:
            head, brace, _ = line.partition("{")
            words = re.findall(r'"[^"]*"|\S+', head)
            if words and words[0].strip('"').startswith("/"):
                patterns += [word.strip('"') for word in words]
            elif words:
                outside.append(head.strip())
            inside = [] if brace else None
        elif line.startswith("}"):
            yield Stanza(tuple(patterns), (*outside, *inside), scripts)
            patterns, inside, scripts = [], None, ""
        elif line.split()[0] in {"postrotate", "prerotate", "firstaction", "lastaction", "preremove"}:
            script = []
        else:
            inside.append(re.sub(r"\s*[=\s]\s*", " ", line, count=1))


def _stanza(config: Path, pattern: str, names: list[str]) -> Stanza | None:
    try:
        text = config.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError:
        raise ProbeError(Reason.OURS, "logrotate's configuration cannot be read", "Let this user read it.") from None
    wanted = [pattern, *names]
    return next((s for s in stanzas(text) if any(fnmatch.fnmatch(w, p) for w in wanted for p in s.patterns)), None)


def _writers(pattern: str, current: set[Path]) -> tuple[tuple[Writer, ...], bool]:
    """Return who has the log open for writing, and whether there are processes that we may not look at."""
    found: list[Writer] = []
    blind = False
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            links = list((folder / "fd").iterdir())
        except PermissionError:
            blind = True
            continue
        except OSError:
            continue  # it ended
        holds = {what for link in links if (what := _held(folder, link, pattern, current)) is not None}
        # A process that still writes to the old file is the finding, whatever else it has open.
        for what in ("deleted", "rotated", "current"):
            if what in holds:
                found.append(Writer(int(folder.name), _comm(folder), what))
                break
    return tuple(sorted(found, key=lambda writer: writer.pid)), blind


def _held(process: Path, link: Path, pattern: str, current: set[Path]) -> str | None:
    try:
        target = str(link.readlink())
        name = target.removesuffix(" (deleted)")
        # to fnmatch a * stands for folders too
        if name.count("/") != pattern.count("/") or not any(fnmatch.fnmatch(name, p) for p in with_rotated(pattern)):
            return None
        flags = re.search(
            r"^flags:\s*(\d+)", (process / "fdinfo" / link.name).read_text(encoding="ascii"), re.MULTILINE
        )
    except OSError:
        return None
    if flags is None or int(flags.group(1), 8) & os.O_ACCMODE == os.O_RDONLY:
        return None
    if target != name:
        return "deleted"
    return "current" if Path(name) in current else "rotated"


def _restarted(writers: tuple[Writer, ...], rotated: os.stat_result, now: float) -> bool:
    """Whether a writer started when the newest of the old files was written to last and renamed.

    Of a log that is seldom written to, the last that is in it may be that its writer started, hours before.
    """
    began = [now - age for writer in writers if (age := _process_age(writer.pid)) is not None]
    moments = (rotated.st_mtime, rotated.st_ctime)
    return any(all(_WITH_ROTATION[0] <= start - moment <= _WITH_ROTATION[1] for moment in moments) for start in began)


def _process_age(pid: int) -> float | None:
    try:
        after = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(after[19]) / os.sysconf("SC_CLK_TCK")


def _began(log: Log, path: Path, zone: ZoneInfo, now: float) -> float | None:
    """Return the age of the first entry of a file; one in which nothing is begins now."""
    layout = LAYOUTS[log.layout]
    try:
        with path.open("rb") as file:
            data = file.read(_FIRST)
    except OSError:
        return None
    if data == b"":
        return 0.0
    first = layout.entry.search(data)
    moment = None if first is None else layout.moment(first["stamp"], zone)
    return None if moment is None else now - moment


def _comm(process: Path) -> str:
    try:
        text = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "?"
    return text if re.fullmatch(r"[A-Za-z0-9_./:+-]{1,16}", text) else "?"


def _signal(script: str) -> str | None:
    found = re.search(r"\b(?:p?kill|killall)\s+(?:-s\s+|--signal[= ]|-)?(?:SIG)?([A-Z]+[0-9]?|\d+)\b", script)
    return None if found is None else found.group(1)


def _integer(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\d{1,6}", text) else None
