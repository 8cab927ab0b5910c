"""Starts and stops the lab's servers: privileges dropped, a log file a process, readiness awaited, no orphans."""

import contextlib
import functools
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.state import LabError

MARK = "PENHAS_LAB_DATA"  # in the environment of every process of a lab: how a dead lab's orphans are known
READY_WITHIN = 20.0
_SHARED_MEMORY_LINE = 6  # of postmaster.pid


@dataclass(slots=True)
class Process:
    """One running server."""

    name: str
    popen: "subprocess.Popen[bytes]"
    log: Path

    @property
    def pid(self) -> int:
        """Return its process id, which is the server's own: whatever stands before it on the command line execs it."""
        return self.popen.pid

    @property
    def alive(self) -> bool:
        """Return whether it runs."""
        return self.popen.poll() is None

    def stop(self, how: signal.Signals = signal.SIGTERM, patience: float = 5.0) -> None:
        """Ask the process to end, kill it when it does not within `patience` seconds, and wait for it."""
        if not self.alive:
            return
        self.popen.send_signal(how)
        self.popen.send_signal(signal.SIGCONT)  # a fault may have stopped it
        try:
            self.popen.wait(patience)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()

    def kill_quickly(self) -> None:
        """End a process whose data nobody needs any more."""
        self.stop(signal.SIGQUIT if self.name in ("primary", "replica1") else signal.SIGTERM, patience=2)

    def await_ready(self, ready: Callable[[], bool], within: float = READY_WITHIN) -> None:
        """Return when `ready()` is true; a LabError with the end of the log when the process ends or time is up."""
        until = time.monotonic() + within
        while not ready():
            if not self.alive:
                raise LabError(f"{self.name} ended while starting (exit {self.popen.returncode}):\n{tail(self.log)}")
            if time.monotonic() > until:
                raise LabError(f"{self.name} was not ready within {within:.0f} s:\n{tail(self.log)}")
            time.sleep(0.004)


@dataclass(frozen=True, slots=True)
class Launcher:
    """Starts processes of the lab whose data folder is `data`."""

    data: Path

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        variables: Mapping[str, str] | None = None,
        death_signal: str = "TERM",
        prefix: Sequence[str] | None = None,
        cwd: Path | None = None,
    ) -> Process:
        """Start `argv` with a small environment and its output in logs/<name>.log; it dies when the lab does.

        `prefix` is what drops privileges, where that is not what is usual.
        """
        log = self.data / "logs" / f"{name}.log"
        command = [*(unprivileged() if prefix is None else prefix), *_dies_with_us(death_signal), *map(str, argv)]
        with log.open("ab") as out:
            popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**self._environment(), **(variables or {})},
                cwd=cwd or self.data,
                start_new_session=True,
            )
        return Process(name, popen, log)

    def run(self, argv: Sequence[str | Path], *, name: str) -> None:
        """Run one of PostgreSQL's programs to its end; a LabError with its output when it fails."""
        command = [*never_root(), *_dies_with_us("KILL"), *map(str, argv)]
        done = subprocess.run(command, capture_output=True, env=self._environment(), cwd=self.data, check=False)
        if done.returncode != 0:
            said = (done.stdout + done.stderr).decode(errors="replace").strip()
            raise LabError(f"{name} failed (exit {done.returncode}):\n{said}")

    def _environment(self) -> dict[str, str]:
        # HOME keeps a person's .pgpass and .aws out of the lab
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(self.data),
            MARK: str(self.data),
        }


@functools.cache
def unprivileged() -> list[str]:
    """Return what to put before a command so that it does not run as root: nothing when we are not root.

    A user namespace in which we are nobody needs no chown and no passable parent folders. Where there is none, as in
    many containers, only what refuses to be root is not: see `never_root`.
    """
    if os.getuid() != 0:
        return []
    nobody = pwd.getpwnam("nobody")
    prefix = ["unshare", "--user", f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}", "--"]
    works = shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True, check=False)
    return prefix if works and works.returncode == 0 else []


def never_root() -> list[str]:
    """Return what to put before PostgreSQL's programs, which refuse to run as root."""
    if os.getuid() != 0 or unprivileged():
        return unprivileged()
    nobody = pwd.getpwnam("nobody")
    if shutil.which("setpriv") is None:
        raise LabError("PostgreSQL refuses to run as root, and there is no setpriv (util-linux) here: run as a user")
    return ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--"]


def give_to_servers(*folders: Path) -> None:
    """Let PostgreSQL write to `folders` where it runs as another user than we do."""
    if os.getuid() == 0 and not unprivileged():
        nobody = pwd.getpwnam("nobody")
        for folder in folders:
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)


@functools.cache
def _dies_with_us(name: str) -> list[str]:
    return ["setpriv", "--pdeathsig", name, "--"] if shutil.which("setpriv") else []


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, below those that the kernel gives to outgoing connections."""
    for _ in range(200):
        port = random.randrange(20000, 32000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise LabError("no free port on 127.0.0.1")


def listens(port: int) -> bool:
    """Return whether something accepts connections on that port of 127.0.0.1."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False


def tail(log: Path, lines: int = 12) -> str:
    """Return the end of a log file."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def marked(data: Path) -> list[int]:
    """Return the pids of our processes that belong to the lab at `data`, ourselves left out."""
    wanted = f"{MARK}={data}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0") and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found


def end_marked(data: Path, patience: float = 5.0) -> int:
    """End what is left of the lab at `data` and return how many processes that were."""
    first = marked(data)
    for how, wait in ((signal.SIGTERM, 0.5), (signal.SIGKILL, patience)):
        until = time.monotonic() + wait
        left = marked(data)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
        while marked(data) and time.monotonic() < until:
            time.sleep(0.02)
    return len(first)


def remove_shared_memory(cluster: Path) -> None:
    """Remove the System V segment that a killed postmaster leaves behind; its pid file tells key and id."""
    try:
        key, identifier = (cluster / "postmaster.pid").read_text().splitlines()[_SHARED_MEMORY_LINE].split()
        segments = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    except (OSError, IndexError, ValueError):
        return
    for found_key, found, _mode, _size, _creator, _last, attached, *_ in segments:
        # the id is used again, and so is the key: together, and with nobody attached, they are ours
        if (found_key, found, attached) == (key, identifier, "0"):
            subprocess.run(["ipcrm", "-m", identifier], capture_output=True, check=False)
