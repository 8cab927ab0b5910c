"""The probe of cron on this host: the crontab as a file, the scripts that it names, and what they leave behind.

How a crontab is read is said in crontab.py, how a mail spool is in cron_spool.py.

Nothing is run. Of a script only what will go wrong in it is kept, in our own words; its text is never shown.
"""

import os
import re
import time
from pathlib import Path

from checks.engine.environment import operations
from checks.engine.model import ProbeError, Reading, Reason
from checks.engine.probes import Context
from checks.engine.probes.cron_spool import times_of
from checks.engine.probes.crontab import Line, lines_of, runs
from checks.engine.readings.cron import CronJobs, CronMail, CronMailer, Job
from checks.engine.schedules import same

_LONGEST = 1 << 18
_SET = re.compile(r"^\s*(?:export\s+|local\s+|readonly\s+)?([A-Za-z_]\w*)=", re.MULTILINE)
_ALSO_SET = re.compile(r"\b(?:read(?:\s+-\w+)*|for)\s+([A-Za-z_]\w*)")
_USED = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?![\w]*:?[-=?])|([A-Za-z_]\w*))")
_OF_CRON = {"HOME", "LOGNAME", "USER", "SHELL", "PATH", "PWD", "OLDPWD", "IFS", "RANDOM", "SECONDS", "HOSTNAME", "UID"}
_SOURCES = re.compile(r"^\s*(?:\.|source)\s+\S", re.MULTILINE)
_CALL = r"(?:^|[\s;&|(`])(?:[\w./${}-]*/)?"  # a program, or its path
_SHELLS = {"sh", "bash", "dash", "ash", "ksh", "zsh"}
_INLINE = {"-c", "-lc", "-ec"}
_UNREAD = "cannot be read by us"


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
    lines = lines_of(_text(Path(settings.crontab), "the crontab", "Mend crontab under [cron]."))
    found = [(job, _line(job, lines)) for job in settings.jobs]
    at_end = lines[-1].variables if lines else {}  # a job without a line is told as such, and for nothing else
    return CronJobs(
        jobs=tuple(_job(job, line, at_end) for job, line in found),
        mailto=all(line.variables.get("MAILTO", "") != "" for _, line in found if line is not None),
        mailto_due=settings.mailto,
        source="the crontab and its scripts",
        sampled_at=time.time(),
    )


def _line(job: operations.CronJob, lines: tuple[Line, ...]) -> Line | None:
    """Return the line that runs a job; of two the one with the right schedule counts, if there is one."""
    those = [line for line in lines if runs(line.command, job.command)]
    return next((line for line in those if same(line.schedule, job.schedule)), next(iter(those), None))


def _job(job: operations.CronJob, line: Line | None, at_end: dict[str, str]) -> Job:
    script, called = _script_of(job.command)
    traced = job.effect is not None and job.effect.startswith(operations.TRACED)
    return Job(
        name=script.stem,
        expected=job.schedule,
        schedule="" if line is None else line.schedule,
        problems=_script(script, at_end if line is None else line.variables, called=called),
        traced=(job.effect or "").removeprefix(operations.TRACED) if traced else "",
        effect_age=None if traced or job.effect is None else _age(Path(job.effect)),
        max_age=job.max_age,
    )


def _script_of(command: str) -> tuple[Path, bool]:
    """Return the file that a command runs, and whether it is called by a shell: then it need not be executable."""
    program, *words = command.split()
    named = next((word for word in words if word.startswith("/")), None)
    if Path(program).name not in _SHELLS or named is None or _INLINE.intersection(words):
        return Path(program), False
    return Path(named), True


def _script(path: Path, variables: dict[str, str], *, called: bool) -> tuple[str, ...]:
    if not path.is_absolute():
        return ()
    try:
        if not path.is_file():
            return ("is not there",)
        if not called and not path.stat().st_mode & 0o111:
            return ("cannot be executed: its mode lacks x",)
        text = path.read_bytes()[:_LONGEST]
    except OSError:
        return (_UNREAD,)  # theirs to execute is not ours to read, nor its folder ours to enter
    return () if b"\0" in text else problems_of(text.decode("utf-8", "replace"), variables)  # a program is no script


def _age(path: Path) -> float | None:
    """Return the age of a file, of the newest in it where it is a folder; None where there is none."""
    try:
        files = [file for file in path.iterdir() if file.is_file()] if path.is_dir() else [path]
        return time.time() - max(file.stat().st_mtime for file in files)
    except (OSError, ValueError):
        return None


def _mail(settings: operations.Cron) -> Reading:
    try:
        times = times_of(Path(settings.spool or ""))
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
