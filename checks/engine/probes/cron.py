"""The probe of cron on this host: the crontab as a file, the scripts that it names, and what they leave behind.

Nothing is run. Of a script only what will go wrong in it is kept, in our own words; its text is never shown.
"""

import os
import re
import time
from pathlib import Path

from checks.engine.environment import operations
from checks.engine.model import ProbeError, Reading, Reason
from checks.engine.probes import Context
from checks.engine.readings.cron import CronJobs, CronMail, CronMailer, Job
from checks.engine.records import dataclass

_FIELDS = 5
_LONGEST = 1 << 18
_TRACED = "table:"
_SET = re.compile(r"^\s*(?:export\s+|local\s+|readonly\s+)?([A-Za-z_]\w*)=", re.MULTILINE)
_ALSO_SET = re.compile(r"\b(?:read(?:\s+-\w+)*|for)\s+([A-Za-z_]\w*)")
_USED = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?![\w]*:?[-=?])|([A-Za-z_]\w*))")
_OF_CRON = {"HOME", "LOGNAME", "USER", "SHELL", "PATH", "PWD", "OLDPWD", "IFS", "RANDOM", "SECONDS", "HOSTNAME", "UID"}
_SOURCES = re.compile(r"^\s*(?:\.|source)\s+\S", re.MULTILINE)
_CALL = r"(?:^|[\s;&|(`])(?:[\w./${}-]*/)?"  # a program, or its path
_UNREAD = "cannot be read by us"


@dataclass(frozen=True, slots=True)
class Crontab:
    """What a crontab says: its variables, and (schedule, command) of each line."""

    variables: dict[str, str]
    lines: tuple[tuple[str, str], ...]


def read(context: Context) -> None:
    """Settle every name of `context.names`."""
    settings = context.environment.cron
    if settings is None:
        raise ProbeError(Reason.OURS, "the environment file has no table cron")
    for name in context.names:
        try:
            context.settle(name, _READ[name](settings))
        except ProbeError as error:
            context.settle(name, error)


def crontab_of(text: str) -> Crontab:
    """Return what crontab(5) makes of a text."""
    variables: dict[str, str] = {}
    lines: list[tuple[str, str]] = []
    for raw in text.splitlines():
        line = raw.strip()
        if line == "" or line.startswith("#"):
            continue
        assigned = re.match(r"([A-Za-z_]\w*)\s*=\s*(.*)$", line)
        if assigned is not None:
            variables[assigned[1]] = assigned[2].strip().strip("\"'")
            continue
        count = 1 if line.startswith("@") else _FIELDS
        parts = line.split(None, count)
        if len(parts) == count + 1:
            lines.append((" ".join(parts[:count]), parts[count]))
    return Crontab(variables, tuple(lines))


def problems_of(script: str, variables: dict[str, str]) -> tuple[str, ...]:
    """Return what will go wrong in a script, in our words: names of variables, and commands that hide their failure."""
    body = "\n".join(line for line in script.splitlines() if not line.lstrip().startswith("#"))
    known = {*variables, *_OF_CRON, *_SET.findall(body), *_ALSO_SET.findall(body)}
    used = [a or b for a, b in _USED.findall(re.sub(r"'[^'\n]*'", "''", body))]
    unset = () if _SOURCES.search(body) else dict.fromkeys(name for name in used if name not in known)
    found = [f"uses {name}, which neither it nor the crontab sets" for name in unset]
    curls = re.findall(_CALL + r"curl\s[^\n|;]*", body, re.MULTILINE)
    if any(re.search(r"\s(--fail(-with-body)?|-\w*f\w*)(\s|$)", curl) is None for curl in curls):
        found.append("calls curl without --fail, so that an error of the server counts as success")
    psqls = re.findall(_CALL + r"psql\s[^\n|;]*", body, re.MULTILINE)
    if any("ON_ERROR_STOP" not in psql for psql in psqls) and "ON_ERROR_STOP" not in script:
        found.append("calls psql without ON_ERROR_STOP, so that a failed statement counts as success")
    return tuple(found)


def _jobs(settings: operations.Cron) -> Reading:
    table = crontab_of(_text(Path(settings.crontab), "the crontab", "Mend crontab under [cron]."))
    return CronJobs(
        jobs=tuple(_job(job, table) for job in settings.jobs),
        mailto=table.variables.get("MAILTO", "") != "",
        mailto_due=settings.mailto,
        source="the crontab and its scripts",
        sampled_at=time.time(),
    )


def _job(job: operations.CronJob, table: Crontab) -> Job:
    path = job.command.split()[0]
    schedules = [schedule for schedule, command in table.lines if path in command.split()]
    # Of two lines for one script the right one counts, if there is one.
    schedule = job.schedule if job.schedule in schedules else next(iter(schedules), "")
    traced = job.effect is not None and job.effect.startswith(_TRACED)
    return Job(
        name=Path(path).stem,
        expected=job.schedule,
        schedule=schedule,
        problems=_script(Path(path), table.variables),
        traced=(job.effect or "").removeprefix(_TRACED) if traced else "",
        effect_age=None if traced or job.effect is None else _age(Path(job.effect)),
        max_age=job.max_age,
    )


def _script(path: Path, variables: dict[str, str]) -> tuple[str, ...]:
    if not path.is_absolute():
        return ()
    try:
        if not path.is_file():
            return ("is not there",)
        if not path.stat().st_mode & 0o111:
            return ("cannot be executed: its mode lacks x",)
        return problems_of(path.read_bytes()[:_LONGEST].decode("utf-8", "replace"), variables)
    except OSError:
        return (_UNREAD,)  # theirs to execute is not ours to read, nor its folder ours to enter


def _age(path: Path) -> float | None:
    """Return the age of a file, of the newest in it where it is a folder; None where there is none."""
    try:
        files = [file for file in path.iterdir() if file.is_file()] if path.is_dir() else [path]
        return max(0.0, time.time() - max(file.stat().st_mtime for file in files))
    except (OSError, ValueError):
        return None


def _mail(settings: operations.Cron) -> Reading:
    folder = Path(settings.spool or "")
    try:
        times = [entry.stat().st_mtime for entry in os.scandir(folder) if entry.is_file()]
    except OSError:
        raise ProbeError(Reason.OURS, "the mail spool cannot be read", "Mend spool under [cron].") from None
    oldest = max(0.0, time.time() - min(times)) if times else 0.0
    return CronMail(waiting=len(times), oldest=oldest, source="the mail spool", sampled_at=time.time())


def _text(path: Path, what: str, mend: str) -> str:
    try:
        return path.read_bytes()[:_LONGEST].decode("utf-8", "replace")
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno is not None else "no reason given"
        raise ProbeError(Reason.OURS, f"{what} cannot be read ({reason})", mend) from None


def _mailer(settings: operations.Cron) -> Reading:
    program = Path(settings.sendmail)
    try:
        works = program.is_file() and program.stat().st_mode & 0o111 != 0
    except OSError:
        raise ProbeError(Reason.OURS, f"{program} cannot be looked at", "Mend sendmail under [cron].") from None
    return CronMailer(due=settings.mailto, program=str(program), works=works, source="its file", sampled_at=time.time())


_READ = {"cron_jobs": _jobs, "cron_mail": _mail, "cron_mailer": _mailer}
