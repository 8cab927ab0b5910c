"""A systemd of the lab's own: the real one, as a user's manager that sees neither this machine's units nor processes.

It has a mount namespace, in which nothing is known of who booted the machine, and a control group, above which it sees
nothing. Both need root, and control groups of version 2 that can be written to.
"""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.processes import Launcher, Process
from lab.state import LabError

PROGRAM = Path("/lib/systemd/systemd")
FAILING = "penhas-thumbnails.service"
NIGHTLY = "penhas-nightly.timer"
NEVER = "penhas-reminders.timer"
_MARKER = "MARCADA-SENHA-1"
MARKED = f"penhas-mail@{_MARKER}.service"
_WITHIN = 5.0
_HIERARCHIES = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
_ENTER = 'echo $$ >"$0/cgroup.procs" && exec unshare --mount --cgroup sh -c "$@"'
_INSIDE = """\
mount -t tmpfs lab /run && mkdir -p /run/systemd/system &&
mount -t cgroup2 lab /sys/fs/cgroup && exec "$0" --user --log-target=console
"""
_TARGETS = ("basic", "sockets", "paths", "shutdown")
_JOB = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
_ENABLED = "[Install]\nWantedBy=timers.target\n"
_WORK = f"/bin/sh -c 'echo {_MARKER}; test ! -e FLAG'"
_UNITS = {
    "default.target": "[Unit]\nRequires=basic.target\nWants=timers.target\nAfter=basic.target\n",
    "timers.target": "[Unit]\nDescription=Timers\n",
    NIGHTLY: f"[Timer]\nOnCalendar=03:00\n{_ENABLED}",
    "penhas-nightly.service": _JOB,
    # nothing is wrong with what comes once, nor with what is not for a machine like this one
    "penhas-boot.timer": f"[Timer]\nOnStartupSec=0\nAccuracySec=1us\n{_ENABLED}",
    "penhas-boot.service": _JOB,
    "penhas-metal.timer": f"[Unit]\nConditionPathExists=/nonexistent\n[Timer]\nOnCalendar=04:00\n{_ENABLED}",
    "penhas-metal.service": _JOB,
    # its own last run is the time that it counts from, and it never had one
    NEVER: "[Timer]\nOnUnitActiveSec=1h\n",
    "penhas-reminders.service": _JOB,
    # what stays active when it is done is not started again
    "penhas-once.timer": "[Timer]\nOnActiveSec=0\nOnCalendar=05:00\nAccuracySec=1us\n",
    "penhas-once.service": f"{_JOB}RemainAfterExit=yes\n",
    "penhas-long.timer": "[Timer]\nOnActiveSec=0\nOnCalendar=05:00\nAccuracySec=1us\n",
    "penhas-long.service": "[Service]\nType=oneshot\nExecStart=setpriv --pdeathsig KILL sleep infinity\n",
    FAILING: f"[Unit]\nDescription={_MARKER}\n[Service]\nType=oneshot\nExecStart={_WORK}\n",
    "penhas-mail@.service": f"[Service]\nType=oneshot\nExecStart={_WORK}\n",
}


@dataclass(slots=True)
class Systemd:
    """The systemd of a lab's host, whose folder is `host`."""

    host: Path
    process: Process | None = None

    @property
    def runtime(self) -> Path:
        """Return what XDG_RUNTIME_DIR is for whoever asks it."""
        return self._folder / "run"

    @property
    def asked(self) -> Path | None:
        """Return the same while it runs."""
        return self.runtime if self.process is not None else None

    @property
    def flag(self) -> Path:
        """Return the file that makes two services fail while it is there."""
        return self._folder / "fail"

    @property
    def _folder(self) -> Path:
        return self.host / "systemd"

    def start(self, launcher: Launcher) -> bool:
        """Start it; False where this machine lets nobody."""
        group = _group(launcher.data.name) if PROGRAM.exists() and os.getuid() == 0 else None
        if group is None:
            return False
        config, nothing = self._folder / "config", self._folder / "none"
        for made in (self.runtime, nothing):
            made.mkdir(parents=True, mode=0o700)
        self._write(config / "systemd" / "user")
        (self._folder / "group").write_text(str(group))
        variables = {
            "XDG_RUNTIME_DIR": str(self.runtime),
            "XDG_CONFIG_HOME": str(config),
            "SYSTEMD_UNIT_PATH": str(config / "systemd" / "user"),
            "SYSTEMD_GENERATOR_PATH": str(nothing),
            "SYSTEMD_ENVIRONMENT_GENERATOR_PATH": str(nothing),
        }
        argv: list[str | Path] = ["sh", "-c", _ENTER, group, _INSIDE, PROGRAM]
        process = launcher.start("systemd", argv, variables=variables, death_signal="KILL", prefix=())
        try:
            process.await_ready(self._has_started, _WITHIN)
        except LabError:
            process.stop(signal.SIGKILL)
            return False
        self.process = process
        return True

    def control(self, *words: str, failing: bool = False) -> None:
        """Have systemctl do something; `failing`: what it starts has to fail."""
        done = self._ask(*words)
        if (done.returncode != 0) is not failing:
            raise LabError(f"systemctl {' '.join(words)} ended with {done.returncode}: {done.stderr.decode().strip()}")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.process is None:
            raise LabError("this lab has no systemd: it needs root, and control groups of version 2")
        self.process.popen.send_signal(number)

    def remove(self) -> None:
        """End all that is in its control group, which would outlive the lab, and remove that."""
        with suppress(OSError):
            group = Path((self._folder / "group").read_text())
            with suppress(OSError):
                (group / "cgroup.kill").write_text("1")  # since Linux 5.14
            until = time.monotonic() + _WITHIN
            while group.exists() and time.monotonic() < until:
                for inner in (*sorted(group.rglob("*/"), reverse=True), group):
                    with suppress(OSError):
                        inner.rmdir()
                time.sleep(0.005)

    def _write(self, units: Path) -> None:
        wanted = units / "timers.target.wants"
        wanted.mkdir(parents=True)
        for name, text in {**{f"{name}.target": "[Unit]\n" for name in _TARGETS}, **_UNITS}.items():
            (units / name).write_text(text.replace("FLAG", str(self.flag)))
            if text.endswith(_ENABLED):
                (wanted / name).symlink_to(units / name)

    def _has_started(self) -> bool:
        if not (self.runtime / "systemd" / "private").exists():
            return False
        return self._ask("is-active", "default.target").returncode == 0

    def _ask(self, *words: str) -> "subprocess.CompletedProcess[bytes]":
        variables = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "XDG_RUNTIME_DIR": str(self.runtime)}
        command = ["systemctl", "--user", "--no-pager", "--no-ask-password", *words]
        return subprocess.run(command, env=variables, capture_output=True, check=False, timeout=30)


def _group(name: str) -> Path | None:
    """Make a control group below our own."""
    with suppress(OSError, StopIteration):
        ours = next(line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
        root = next(path for path in _HIERARCHIES if (path / "cgroup.procs").exists())
        group = root / ours.strip("/") / name
        group.mkdir(exist_ok=True)
        return group
    return None
