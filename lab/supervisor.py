"""The process behind a running lab: starts it, answers `status`, `break` and `mend` on a unix socket, takes it down.

Started by client.py as `python -m lab.supervisor STATE_FOLDER DATA_FOLDER OPTIONS`; says how far it is in JSON lines.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg

from lab import environment_file, faults
from lab.api_processes import VERSION
from lab.proxy import Mode
from lab.running import SUITE_PROXIES, Options, Running
from lab.state import LabError, Places, private_folder, write_private

_EXPECTED = (LabError, OSError, psycopg.Error, subprocess.SubprocessError)
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class _Stop(BaseException):
    """Somebody wants the lab to end."""


def main(state: str, data: str, options: str) -> int:
    """Run a lab until it is told to stop; 0 when it ended as it was told to."""
    for number in _SIGNALS:
        signal.signal(number, _stop)
    where = Places(Path(state), Path(data))
    asked = json.loads(options)
    owned = asked.pop("owned")
    running = Running(where, Options(**asked), lambda text: _tell(say=text))
    code = 0
    try:
        private_folder(where.state)
        running.start()
        _publish(running)
        with _control(where) as listener:
            _tell(ready=True, missing=running.missing)
            _quiet(where)
            _serve(running, listener, owned=owned)
    except _Stop:
        pass
    except _EXPECTED as error:
        code = 1
        _ignore_signals()  # whoever is told of a failure sends one
        with contextlib.suppress(OSError):
            _tell(failed=str(error))
    finally:
        _ignore_signals()
        where.running.unlink(missing_ok=True)
        where.environment_file.unlink(missing_ok=True)
        running.stop()
    return code


def _ignore_signals() -> None:
    """Take down in peace what has been started."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stop


def _tell(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _quiet(where: Places) -> None:
    """Let go of the terminal of whoever started the lab."""
    log = os.open(where.logs / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)


def _publish(running: Running) -> None:
    """Write the environment file and running.json, which is what `--environment=lab` reads."""
    where = running.places
    write_private(where.environment_file, environment_file.text(running.layout))
    published = {
        "environment": str(where.environment_file),
        "variables": environment_file.variables(running.layout, running.credentials),
        "flavour": running.options.flavour,
        "postgresql": f"{running.binaries.kind} {running.binaries.version}",
        "version": VERSION,
        "pid": os.getpid(),
        "data": str(where.data),
        "control": str(where.control),
        "admin": {
            "primary": running.primary.dsn(),
            "replica1": running.replica.dsn(),
            "redis": running.cache.url,
            "s3": running.store.endpoint,
            "s3_access_key": running.credentials.internal_key,
            "s3_secret_key": running.credentials.internal_secret,
        },
        "missing": running.missing,
        "markers": running.markers,
    }
    write_private(where.running, json.dumps(published, indent=1, ensure_ascii=False))


@contextlib.contextmanager
def _control(where: Places) -> Iterator[socket.socket]:
    where.control.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(where.control))
        listener.listen()
        yield listener


def _serve(running: Running, listener: socket.socket, *, owned: bool) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        if owned:  # the other end of our standard input is held by the one whose lab this is
            selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is sys.stdin:
                    return
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    if not _answer(running, connection):
                        return


def _answer(running: Running, connection: socket.socket) -> bool:
    """Do one request and return whether the lab goes on."""
    connection.settimeout(5)
    with connection.makefile("rw", encoding="utf-8") as talk:
        line = talk.readline()
        if line == "":  # somebody knocked and left
            return True
        asked = json.loads(line)
        try:
            answer = _do(running, asked)
        except _EXPECTED as error:  # a fault that cannot be done must not end the lab
            answer = {"error": str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}"}
        with contextlib.suppress(OSError):  # whoever asked may have left
            talk.write(json.dumps(answer) + "\n")
            talk.flush()
    return bool(asked["command"] != "down")


def _do(running: Running, asked: dict[str, Any]) -> dict[str, Any]:
    match asked["command"]:
        case "status":
            return status(running)
        case "break":
            faults.break_(running, asked["fault"])
        case "mend":
            faults.mend(running, asked["fault"])
        case "slow":  # every proxy of the suite at once, for the bench
            for name in SUITE_PROXIES:
                seconds = asked["seconds"]
                running.proxies.set(name, Mode.SLOW if seconds > 0 else Mode.PASS, seconds)
        case "traffic":
            if running.traffic is not None:
                running.traffic.rate = asked["rate"]
        case "down":
            pass
        case other:
            raise LabError(f"unknown command {other!r}")
    return {}


def status(running: Running) -> dict[str, Any]:
    """Return what runs, what is broken and what went through the proxies."""
    processes = {
        "primary": running.primary.process,
        "replica1": running.replica.process,
        "redis": running.cache.process,
        "s3": running.store.process,
        **{name: api.process for name, api in running.apis.items()},
        "minion": running.worker.process if running.worker is not None else None,
        "volume": running.volume,
        "systemd": running.systemd.process,
        **(running.watchers.processes if running.watchers is not None else {}),
    }
    return {
        "flavour": running.options.flavour,
        "postgresql": f"{running.binaries.kind} {running.binaries.version}",
        "broken": running.broken,
        "missing": running.missing,
        "processes": {
            name: {"pid": process.pid, "alive": process.alive, "log": str(process.log)}
            for name, process in processes.items()
            if process is not None
        },
        "proxies": {
            name: {"port": proxy.port, "mode": proxy.mode.value, "delay": proxy.delay, **asdict(proxy.counters)}
            for name, proxy in running.proxies.by_name.items()
        },
        "time": time.time(),
    }


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
