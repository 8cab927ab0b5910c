"""What logrotate is told of a log (logrotate(8)), and what came of it: rotated files, and who writes to which file."""

import fnmatch
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from checks.engine.environment.monitoring import Log, Rotation
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.logs.layout import LAYOUTS
from checks.engine.probes.logs.logrotate import integer, signal_of, stanza_of
from checks.engine.probes.logs.window import MOST_FILES, files, with_rotated
from checks.engine.readings.logs import LogsRotation, Rotated, Writer

PROC = Path("/proc")
_FIRST = 1 << 16
_WITH_ROTATION = (-5.0, 120.0)  # seconds around a rotation in which a start is no coincidence
_COMPRESSED = {".gz", ".xz", ".zst", ".bz2"}

Found = list[tuple[Path, os.stat_result]]


def rotation(log: Log, rule: Rotation, zone: ZoneInfo, now: float) -> LogsRotation:
    """Return configuration and effect; raises ProbeError where the log has no file at all."""
    current = files(log.pattern)
    names = {path for path, _ in current}
    stanza = None if rule.config is None else stanza_of(Path(rule.config), log.pattern, [str(p) for p in names])
    olddir = stanza.value("olddir") if stanza is not None and "olddir" in stanza.words else None
    old = [(path, found) for path, found in files(log.pattern, rotated=True) if path not in names]
    if olddir is not None:
        old = sorted((*old, *_moved(log.pattern, olddir)), key=lambda one: -one[1].st_mtime)
    if not current and not old:
        raise ProbeError(Reason.NO_DATA, "no file matches its pattern", "Mend the pattern, or see who should write it.")
    ages = [now - found.st_mtime for _, found in (*old, *current[1:])]
    patterns = with_rotated(log.pattern)
    if olddir is not None:
        patterns += with_rotated(os.path.normpath(_elsewhere(log.pattern, olddir)))
    writers, blind = _writers(patterns, names)
    signalled = None if rule.pidfile is None else _signalled(Path(rule.pidfile))
    return LogsRotation(
        covered=None if rule.config is None else stanza is not None,
        every=None if stanza is None else stanza.every,
        rotate=None if stanza is None else integer(stanza.value("rotate")),
        maxage=None if stanza is None else integer(stanza.value("maxage")),
        directives=None if stanza is None else stanza.words,
        signal=None if stanza is None else signal_of(stanza.script),
        signalled=None if rule.pidfile is None else signalled is not None,
        stranger=signalled is not None and not blind and _is_stranger(signalled, writers),
        keep_days=rule.keep_days,
        logs=tuple(_each(log, current, old, zone, now)),
        rotated=len(old),
        beyond=sum(age > (rule.keep_days + 2) * 86400 for age in ages),
        writers=writers,
        blind=blind,
        restarted=_restarted(writers, old[0][1], now) if old and writers else None,
        source="logrotate's configuration and the files that it left",
        sampled_at=now,
    )


def _elsewhere(pattern: str, olddir: str) -> str:
    """Return the pattern as it is in the folder to which files are moved; that may be relative to the log's own."""
    return str(Path(pattern).parent / olddir / Path(pattern).name)


def _moved(pattern: str, olddir: str) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the rotated files in `olddir`, by the names that they would have beside the log."""
    folder = (Path(pattern).parent / olddir).resolve()
    if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
        raise ProbeError(Reason.OURS, "the olddir of its rotated files cannot be read", "Let this user read it.")
    depth = len(Path(olddir).parts)
    for path, found in files(_elsewhere(pattern, olddir), rotated=True):
        if not fnmatch.fnmatch(path.name, Path(pattern).name):
            beside = Path(pattern).parent if Path(olddir).is_absolute() else path.parents[depth]
            yield beside / path.name, found


def _writers(patterns: tuple[str, ...], current: set[Path]) -> tuple[tuple[Writer, ...], bool]:
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
        holds = {what for link in links if (what := _held(folder, link, patterns, current)) is not None}
        # A process that still writes to the old file is the finding, whatever else it has open.
        for what in ("deleted", "rotated", "current"):
            if what in holds:
                found.append(Writer(int(folder.name), _comm(folder), what))
                break
    return tuple(sorted(found, key=lambda writer: writer.pid)), blind


def _held(process: Path, link: Path, patterns: tuple[str, ...], current: set[Path]) -> str | None:
    try:
        target = str(link.readlink())
        name = target.removesuffix(" (deleted)")
        # to fnmatch a * stands for folders too
        if not any(name.count("/") == p.count("/") and fnmatch.fnmatch(name, p) for p in patterns):
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


def _stat(pid: int) -> list[str] | None:
    """Return what proc_pid_stat(5) has after the name, from the state on; None where the process ended."""
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _process_age(pid: int) -> float | None:
    if (after := _stat(pid)) is None:
        return None
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(after[19]) / os.sysconf("SC_CLK_TCK")


def _each(log: Log, current: Found, old: Found, zone: ZoneInfo, now: float) -> Iterator[Rotated]:
    """Yield each file of the log with what it was rotated into; both are listed newest first."""
    before: dict[str, Found] = {}
    for path, found in old:
        before.setdefault(_name_before(path, log.pattern), []).append((path, found))
    there = dict(current[:MOST_FILES])
    for path in dict.fromkeys((*there, *map(Path, before))):
        written, own = there.get(path), before.get(str(path), [])
        yield Rotated(
            name=path.name,
            written=None if written is None else now - written.st_mtime,
            begun=None if written is None else _began(log, path, zone, now),
            rotated=now - own[0][1].st_mtime if own else None,
            uncompressed=sum(one.suffix not in _COMPRESSED for one, _ in own[1:]),
        )


def _name_before(path: Path, pattern: str) -> str:
    """Return what a rotated file was called: of a name with several numbers in it, the longest that is a log's."""
    text = str(path)
    ends = [found.start() for found in re.finditer(r"[.-](?=\d[^/]*$)", text)]
    return next((text[:end] for end in reversed(ends) if fnmatch.fnmatch(text[:end], pattern)), text)


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


def _signalled(pidfile: Path) -> int | None:
    """Return the process that a pid file names, None where there is none: `kill … || true` fails without a word."""
    try:
        text = pidfile.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError:
        raise ProbeError(Reason.OURS, "the writer's pid file cannot be read", "Let this user read it.") from None
    return int(text) if re.fullmatch(r"\d{1,9}", text) and (PROC / text).is_dir() else None


def _is_stranger(pid: int, writers: tuple[Writer, ...]) -> bool:
    """Whether a process is none of a log's writers, nor what they come from; nobody is while none has it open."""
    return writers != () and not any(pid in _descent(writer.pid) for writer in writers)


def _descent(pid: int) -> set[int]:
    """Return a process, its parent, and theirs: of a preforking server any may be who is told. All come from 1."""
    found = {pid}
    while (after := _stat(pid)) is not None and (pid := int(after[1])) > 0 and (pid > 1 or len(found) == 1):
        found.add(pid)
    return found
