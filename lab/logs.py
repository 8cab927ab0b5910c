"""The lab's logs as they lie on a host: rotated by Debian's logrotate, with the rotated files of the days before."""

import grp
import gzip
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.state import LabError

PROGRAM = "/usr/sbin/logrotate"
DAYS = {"api": 30, "nginx": 90, "syslog": 30}
_HISTORY = 5  # rotated files of each log

STANZA = """\
{pattern} {{
    daily
    rotate {days}
    compress
    delaycompress
    missingok
    notifempty
    create 0640 {user} {group}
    sharedscripts
    postrotate
        kill -{signal} $(cat {pidfile}) 2>/dev/null || true
    endscript
}}
"""


@dataclass(frozen=True, slots=True)
class Log:
    """One log: the file that is written now, logrotate's stanza for it, and how its writer is told to reopen it."""

    name: str
    file: Path
    config: Path
    pidfile: Path
    reopen: Callable[[], None]
    signal: str = "USR1"

    def write_config(self, text: str | None = None) -> None:
        """Write logrotate's configuration for it."""
        stat = self.file.stat()
        default = STANZA.format(
            pattern=self.file,
            days=DAYS[self.name],
            user=_name("pwd", stat.st_uid),
            group=_name("grp", stat.st_gid),
            pidfile=self.pidfile,
            signal=self.signal,
        )
        self.config.write_text(default if text is None else text)
        self.config.chmod(0o644)

    def make_history(self) -> None:
        """Make the rotated files of the last days, the newest of five hours ago."""
        self.file.chmod(0o640)
        for number in range(1, _HISTORY + 1):
            moment = time.time() - 5 * 3600 - (number - 1) * 86400
            path = self.file.with_name(f"{self.file.name}.{number}" + (".gz" if number > 1 else ""))
            data = f"the log of {number} days ago\n".encode()
            path.write_bytes(gzip.compress(data) if number > 1 else data)
            path.chmod(0o640)
            os.utime(path, (moment, moment))

    def append(self, lines: list[str]) -> None:
        """Append lines, as a writer would."""
        with self.file.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))

    def remove(self, mark: str) -> None:
        """Take every line that holds `mark` out of the log, and have its writer go on with the file that is left."""
        lines = self.file.read_text(encoding="utf-8").splitlines(keepends=True)
        self.rewrite("".join(line for line in lines if mark not in line))

    def rewrite(self, text: str, *, reopen: bool = True) -> None:
        """Put another file in the place of the log; without `reopen` its writer does not notice."""
        temporary = self.file.with_name(f".{self.file.name}")
        temporary.write_text(text, encoding="utf-8")
        shutil.copymode(self.file, temporary)
        shutil.chown(temporary, self.file.stat().st_uid, self.file.stat().st_gid)
        temporary.replace(self.file)
        if reopen:
            self.reopen()

    def rotate(self, *, forced: bool = True) -> None:
        """Run logrotate for this log."""
        state = self.config.with_name("logrotate.state")
        argv = [PROGRAM, *(["-f"] if forced else []), "-s", str(state), str(self.config)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LabError(f"logrotate failed: {done.stderr.strip()}")


def _name(database: str, number: int) -> str:
    return pwd.getpwuid(number).pw_name if database == "pwd" else grp.getgrgid(number).gr_name
