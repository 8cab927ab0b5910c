"""Starts Debian's rsyslogd with a configuration and a socket of its own: nginx's access log goes through it."""

import signal
from dataclasses import dataclass
from pathlib import Path

from lab.processes import Launcher, Process

PROGRAM = "/usr/sbin/rsyslogd"

# A message begins with the blank that follows its tag.
CONFIG = """\
global(workDirectory="{folder}")
module(load="imuxsock" sysSock.use="off")
input(type="imuxsock" socket="{socket}" rateLimit.interval="0")
template(name="line" type="string" string="%msg:2:$%\\n")
action(type="omfile" file="{log}" template="line" fileCreateMode="0640")
"""


@dataclass(slots=True)
class Rsyslog:
    """One rsyslogd."""

    folder: Path
    process: Process | None = None

    @property
    def log(self) -> Path:
        """The file that it writes what it is sent to."""
        return self.folder / "penhas-access.log"

    @property
    def socket(self) -> Path:
        """The socket that it is sent to."""
        return self.folder / "socket"

    @property
    def pidfile(self) -> Path:
        """The file of its process id."""
        return self.folder / "rsyslogd.pid"

    def start(self, launcher: Launcher) -> None:
        """Start it, and return when it listens."""
        self.folder.mkdir(exist_ok=True)
        self.log.touch(mode=0o640)  # there before the first request is
        config = self.folder / "rsyslog.conf"
        config.write_text(CONFIG.format(folder=self.folder, socket=self.socket, log=self.log))
        self.process = launcher.start("rsyslog", [PROGRAM, "-n", "-f", config, "-i", self.pidfile])
        self.process.await_ready(self.socket.exists)

    def reopen(self) -> None:
        """Have it open its file anew."""
        self.signal(signal.SIGHUP)

    def signal(self, how: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None  # noqa: S101 (for the type checker: it was started)
        self.process.popen.send_signal(how)
