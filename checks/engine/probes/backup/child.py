"""How a program is started here: never as root, dying with us, bounded in time, gentle, and told no secret.

Called by `scratch` for the server and by `restore` for pg_restore. A parent-death signal belongs to the thread that
started the child: the caller's thread must outlive it.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

NOBODY = 65534
STEP = 0.05
MOST, LONGEST = 1 << 20, 1 << 16  # bytes of what is kept, and of a line
# With an IPC namespace of its own the server's shared memory goes when its last process does, however that ends.
_ISOLATED = ("--net", "--ipc")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended; `stdout` and `stderr` are raw and must not leave the reader."""

    code: int
    seconds: float
    timed_out: bool
    stdout: bytes
    stderr: bytes


@cache
def isolates(network: bool) -> bool:
    """Whether this kernel lets us make a user namespace (and one without network)."""
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", *_mapping(), *(_ISOLATED if network else ()), "--", "true"]
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _mapping() -> list[str]:
    return ["--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]


@cache
def privilege() -> tuple[str, ...]:
    """The words before a PostgreSQL server program: without network where that can be, and never as root.

    A mapped user namespace leaves the files ours, so that a 0700 folder needs no chown.
    """
    if isolates(network=True):
        return ("unshare", *_mapping(), *_ISOLATED, "--")
    if os.geteuid() != 0:
        return ()
    if isolates(network=False):
        return ("unshare", *_mapping(), "--")
    return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--")


def dying(sent: str) -> tuple[str, ...]:
    """The words that make a program get a signal when the thread that started it ends."""
    return ("setpriv", "--pdeathsig", sent, "--") if shutil.which("setpriv") is not None else ()


def gentle(nice: int) -> tuple[str, ...]:
    """The words that let everything else on this machine go first; none for 0."""
    if nice == 0 or shutil.which("nice") is None:
        return ()
    words = ("nice", "-n", str(nice))
    return (*words, "ionice", "-c", "2", "-n", "7") if shutil.which("ionice") is not None else words


def bounds(nice: int) -> str:
    """Say by what a program is bounded that is started gently."""
    words = [word for word in gentle(nice) if word in {"nice", "ionice"}]
    return " and ".join(words) or "nothing but its settings"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables a program is given: none of ours, so that no PGPASSWORD or token reaches it."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC", **(extra or {})}


def start(
    command: Sequence[str], output: IO[bytes] | int, variables: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start a program in a process group of its own."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=environment(variables),
        start_new_session=True,
        cwd="/",
    )


def run(
    command: Sequence[str],
    seconds: float,
    *,
    variables: Mapping[str, str] | None = None,
    folder: Path | None = None,
    each: Callable[[int], None] | None = None,
    stdout: bool = True,
    wanted: Callable[[bytes], bool] | None = None,
) -> Ended:
    """Run a program to its end or for `seconds`, then kill its whole group.

    `each` is told the descriptor of its stderr a few times a second. Of its stderr a mebibyte is kept, and of a program
    that tells all it does only the lines that are `wanted`.

    What it prints goes to unnamed files (in `folder`), not to pipes: a flood cannot stop it, and nothing is left.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile(dir=folder) as out, tempfile.TemporaryFile(dir=folder) as err:
        child = subprocess.Popen(
            [*dying("KILL"), *command],
            stdin=subprocess.DEVNULL,
            stdout=out if stdout else subprocess.DEVNULL,
            stderr=err,
            env=environment(variables),
            start_new_session=True,
            cwd="/",
        )
        timed_out = False
        try:
            while child.poll() is None:
                if time.monotonic() - began > seconds:
                    timed_out = True
                    break
                if each is not None:
                    each(err.fileno())
                try:
                    child.wait(STEP)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            finish(child)
        out.seek(0)
        err.seek(0)
        return Ended(child.returncode, time.monotonic() - began, timed_out, out.read(), _kept(err, wanted))


def _kept(printed: IO[bytes], wanted: Callable[[bytes], bool] | None) -> bytes:
    if wanted is None:
        return printed.read(MOST)
    kept, size = [], 0
    for line in iter(lambda: printed.readline(LONGEST), b""):  # a row that is quoted may be longer than all memory
        if wanted(line) and size < MOST:
            kept.append(line)
            size += len(line)
    return b"".join(kept)


def finish(child: "subprocess.Popen[bytes]", first: signal.Signals | None = None, patience: float = 0.0) -> None:
    """End a program and its whole group, by `first` and some patience where given, then by SIGKILL; wait for it."""
    if child.poll() is None and first is not None:
        child.send_signal(first)
        with suppress(subprocess.TimeoutExpired):
            child.wait(patience)
    # The group outlives its leader while a worker of it does: it is signalled in any case.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
