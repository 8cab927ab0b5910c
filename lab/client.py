"""`Lab`: starts a lab, breaks and mends it, takes it down, for tests and the command line."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lab.processes import MARK, end_marked, marked, remove_shared_memory
from lab.state import REPOSITORY, LabError, Places, as_owner, locked, places, private_folder, read_running
from lab.systemd import Systemd

_STOP_WITHIN = 20.0


class Lab:
    """One running lab; as a context manager it is taken down at the end."""

    def __init__(self, where: Places, supervisor: "subprocess.Popen[str] | None" = None) -> None:
        found = read_running(where)
        if found is None:
            raise LabError(f"no lab is running in {where.state}: python -m lab up")
        self.places = where
        self._supervisor = supervisor
        self.environment_file = Path(found["environment"])
        self.variables: dict[str, str] = found["variables"]
        self.admin: dict[str, str] = found["admin"]
        self.markers: tuple[str, ...] = tuple(found["markers"])
        self.version: str = found["version"]
        self.missing: list[str] = found["missing"]
        self.flavour: str = found["flavour"]
        self.postgresql: str = found["postgresql"]

    @classmethod
    def up(
        cls,
        *,
        flavour: str = "guide",
        postgresql: str = "auto",
        folder: Path | None = None,
        traffic: float = 2.5,
        monitoring: bool = False,
        owned: bool = True,
        say: Callable[[str], None] = lambda _: None,
    ) -> Self:
        """Start a lab and return when everything in it is ready; `owned`: it ends when this process does."""
        where = places(folder)
        with locked(where):
            if running_pid(where) is not None:
                raise LabError(f"a lab is already running in {where.state}: python -m lab down")
            clean(where)
            options = {
                "flavour": flavour,
                "postgresql": postgresql,
                "traffic": traffic,
                "monitoring": monitoring,
                "owned": owned,
            }
            supervisor: subprocess.Popen[str] | None = None
            try:
                private_folder(where.state)
                supervisor = subprocess.Popen(
                    [sys.executable, "-m", "lab.supervisor", str(where.state), str(where.data), json.dumps(options)],
                    stdin=subprocess.PIPE if owned else subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd=REPOSITORY,
                    env={**os.environ, MARK: str(where.data)},
                    start_new_session=True,  # Ctrl-C is ours to pass on
                )
                _await_ready(supervisor, say)
                return cls(where, supervisor)
            except BaseException:
                if supervisor is not None:
                    _end(supervisor)
                clean(where)
                raise

    @classmethod
    def attach(cls, folder: Path | None = None) -> Self:
        """Return the lab that runs already; a LabError when there is none."""
        where = places(folder)
        if running_pid(where) is None:
            raise LabError(f"no lab is running in {where.state}: python -m lab up")
        return cls(where)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.down()

    def break_(self, fault: str) -> None:
        """Break something; returns when it is broken."""
        self._ask(command="break", fault=fault)

    def mend(self, fault: str) -> None:
        """Mend it again; returns when everything is as before."""
        self._ask(command="mend", fault=fault)

    @contextlib.contextmanager
    def broken(self, fault: str) -> Iterator[None]:
        """Have something broken within a `with`."""
        self.break_(fault)
        try:
            yield
        finally:
            self.mend(fault)

    def slow(self, seconds: float) -> None:
        """Make every round trip between the suite and any service longer by `seconds`; 0 ends it."""
        self._ask(command="slow", seconds=seconds)

    def traffic(self, rate: float) -> None:
        """Set the visitors' requests a second to each API instance."""
        self._ask(command="traffic", rate=rate)

    def status(self) -> dict[str, Any]:
        """Return processes, proxies with their counters, and faults."""
        return self._ask(command="status")

    def down(self) -> None:
        """Take the lab down and remove everything that it made, also when it has died half-way."""
        with locked(self.places):
            down(self.places)
        if self._supervisor is not None:
            _end(self._supervisor)

    def _ask(self, **request: Any) -> dict[str, Any]:
        return ask(self.places, **request)


def ask(where: Places, patience: float = 120.0, **request: Any) -> dict[str, Any]:
    """Send one request to the lab's supervisor and return its answer; a LabError says why it could not."""
    try:
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(patience)
            talk.connect(str(where.control))
            talk.sendall((json.dumps(request) + "\n").encode())
            with talk.makefile("r", encoding="utf-8") as answers:
                line = answers.readline()
    except OSError as error:
        raise LabError(f"the lab in {where.state} does not answer ({type(error).__name__})") from None
    if line == "":
        raise LabError(f"the lab in {where.state} died of {request['command']!r}: see {where.logs / 'supervisor.log'}")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise LabError(answer["error"])
    return answer


def running_pid(where: Places) -> int | None:
    """Return the pid of the lab's supervisor when it lives and has come up."""
    found = read_running(where)
    pid = found.get("pid") if found is not None else None
    return pid if isinstance(pid, int) and pid in marked(where.data) else None


def down(where: Places) -> bool:
    """Take down what runs and clean up; return whether anything was there. The caller holds the lock."""
    with as_owner(where):
        return _down(where)


def _down(where: Places) -> bool:
    pid = running_pid(where)
    if pid is not None:
        with contextlib.suppress(LabError):
            ask(where, 10, command="down")
        until = time.monotonic() + _STOP_WITHIN
        while pid in marked(where.data) and time.monotonic() < until:
            time.sleep(0.01)
    return _clean(where) or pid is not None


def clean(where: Places) -> bool:
    """Remove processes and files that a lab left behind when it was killed; return whether there were any."""
    with as_owner(where):
        return _clean(where)


def _clean(where: Places) -> bool:
    _see_that_it_is_ours(where)
    ended = end_marked(where.data)
    there = where.data.exists() or where.running.exists()
    if where.data.exists():
        private_folder(where.data)  # never into a folder that is not ours
        for folder in (where.data / "primary", where.data / "replica"):
            remove_shared_memory(folder)
        Systemd(where.data / "host").remove()
        shutil.rmtree(where.data)
    where.running.unlink(missing_ok=True)
    where.environment_file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # somebody else keeps files there
        where.state.rmdir()
    return ended > 0 or there


def _see_that_it_is_ours(where: Places) -> None:
    """Leave alone what belongs to a lab that runs and whose processes we may not see."""
    found = read_running(where)
    pid = found.get("pid") if found is not None else None
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return
    if {b"lab.supervisor", str(where.state).encode()} <= set(words) and pid not in marked(where.data):
        raise LabError(
            f"the lab in {where.state} is another user's, and runs: python -m lab down as who started it, or as root"
        )


def _await_ready(supervisor: "subprocess.Popen[str]", say: Callable[[str], None]) -> None:
    assert supervisor.stdout is not None  # noqa: S101 (for the type checker: it is a pipe)
    for line in supervisor.stdout:
        told = json.loads(line)
        if "failed" in told:
            raise LabError(told["failed"])
        if told.get("ready"):
            for absent in told["missing"]:
                say(absent)
            return
        say(told["say"])
    raise LabError("the lab died while starting")


def _end(supervisor: "subprocess.Popen[str]") -> None:
    for pipe in (supervisor.stdin, supervisor.stdout):
        if pipe is not None:
            pipe.close()
    if supervisor.poll() is None:
        supervisor.send_signal(signal.SIGTERM)
    try:
        supervisor.wait(_STOP_WITHIN)
    except subprocess.TimeoutExpired:
        supervisor.kill()
        supervisor.wait()
