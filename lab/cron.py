"""The lab's crontab and scripts: the guide's seven jobs, mended where the guide's own would fail. Nothing runs them."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DAY = 86400
JOBS = {
    "housekeeping": "0 * * * *",
    "daily-maintenance": "0 3 * * *",
    "backup-database": "0 4 * * *",
    "cleanup-old-files": "0 5 * * *",
    "weekly-maintenance": "0 2 * * 0",
    "reindex-search": "0 3 * * 0",
    "monthly-reports": "0 1 1 * *",
}
_MAX_AGE = {"weekly-maintenance": 8 * DAY, "reindex-search": 8 * DAY, "monthly-reports": 32 * DAY}
_TRACED = {"housekeeping": "table:jobs-purged"}

_SOUND = """\
#!/bin/bash
set -euo pipefail
API_URL="http://localhost:3000/maintenance"
curl --fail --silent --show-error --get --data-urlencode "secret=$MAINTENANCE_SECRET" "$API_URL/housekeeping"
psql --set=ON_ERROR_STOP=1 "$DATABASE_URL" --command='SELECT 1'
date >"$LOG_FOLDER/{job}.log"
"""
LITERAL = """\
#!/bin/bash
# as the guide has it: API_URL and SECRET come from nowhere
curl -X GET "$API_URL/tick-notifications?secret=$SECRET"
psql $DATABASE_URL -c "DELETE FROM clientes_active_sessions WHERE created_at < NOW() - INTERVAL '30 days';"
"""


def write(folder: Path) -> None:
    """Write the crontab, its scripts, and the effects of jobs that all ran lately."""
    for name in ("scripts", "log", "spool"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for job in JOBS:
        script(folder, job).write_text(_SOUND.format(job=job))
        script(folder, job).chmod(0o755)
        effect(folder, job).touch()
    mailer(folder).write_text("#!/bin/sh\nexit 75\n")
    mailer(folder).chmod(0o755)
    write_crontab(folder)


def write_crontab(folder: Path, without: str = "", **schedules: str) -> None:
    """Write the crontab, without one of its jobs or with another schedule for some (`_` for `-` in their names)."""
    other = {name.replace("_", "-"): schedule for name, schedule in schedules.items()}
    lines = ["MAILTO=ops@penhas.invalid", f"LOG_FOLDER={folder / 'log'}"]
    lines += ["MAINTENANCE_SECRET=MARCADA-CRON-1", "DATABASE_URL=postgresql:///penhas"]
    lines += [f"{other.get(job, when)} {script(folder, job)}" for job, when in JOBS.items() if job != without]
    (folder / "crontab").write_text("\n".join((*lines, "")))


def script(folder: Path, job: str) -> Path:
    """Return the script of a job."""
    return folder / "scripts" / f"{job}.sh"


def mailer(folder: Path) -> Path:
    """Return the program that cron would mail with."""
    return folder / "sendmail"


def effect(folder: Path, job: str) -> Path:
    """Return the file that a job writes each time."""
    return folder / "log" / f"{job}.log"


def age(path: Path, days: float) -> None:
    """Make a file as old as so many days."""
    then = path.stat().st_mtime - days * DAY
    os.utime(path, (then, then))


def table(folder: Path) -> Mapping[str, Any]:
    """Return the table of the environment file."""
    jobs = [
        {
            "schedule": schedule,
            "command": str(script(folder, job)),
            "effect": _TRACED.get(job, str(effect(folder, job))),
            "max_age": float(_MAX_AGE.get(job, 1.1 * DAY)),
        }
        for job, schedule in JOBS.items()
    ]
    return {
        "crontab": str(folder / "crontab"),
        "sendmail": str(mailer(folder)),
        "spool": str(folder / "spool"),
        "jobs": jobs,
    }


def make_literal(folder: Path, job: str) -> None:
    """Give a job the script that the guide has."""
    script(folder, job).write_text(LITERAL)


def stuck_mail(folder: Path) -> None:
    """Leave a mail in a folder of the spool, as Postfix has it, that should have left two days ago."""
    mail = folder / "spool" / "A" / "mail"
    mail.parent.mkdir()
    mail.touch()
    age(mail, 2)


def no_mail(folder: Path) -> None:
    """Let that mail leave."""
    shutil.rmtree(folder / "spool" / "A")
