"""A throw-away PostgreSQL server that nobody else can reach and that leaves nothing; called by `restored`.

One folder holds all of it: 0700, on memory where there is room, with the socket, the data, the log and what was
fetched. Its lock is held while it lives, so that a folder whose lock is free is an orphan of a run that was killed.
"""

import fcntl
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup import child, erasure, memory, tuning
from checks.engine.probes.backup.binaries import Binaries

PREFIX = "penhas-checks-restore-"
MEMORY = Path("/dev/shm")  # noqa: S108 (memory, never a disk: what lay there is gone with the power)
SUPERUSER = "penhas_checks_scratch"
LONGEST_SOCKET_FOLDER = 90
CHECKSUMS_BY_DEFAULT = 18  # against a disk that rots; nothing here lives that long


@dataclass(frozen=True, slots=True)
class Folder:
    """A scratch folder that is ours; `private` says whether what lies there outlives the power nowhere in clear."""

    path: Path
    in_memory: bool
    private: bool
    nice: int

    @property
    def data(self) -> Path:
        """Where the server's files are."""
        return self.path / "data"

    @property
    def log(self) -> Path:
        """What the server prints; it goes with the folder."""
        return self.path / "server.log"

    @property
    def fetched(self) -> Path:
        """Where fetched backups are put."""
        return self.path / "fetched"

    def free(self) -> int:
        """Return the bytes that may still be written here; in memory no more than the kernel can give away."""
        status = os.statvfs(self.path)
        room = status.f_bavail * status.f_frsize
        return min(room, memory.available()) if self.in_memory else room


@contextmanager
def folder(configured: str | None, declared_encrypted: bool, nice: int = 10) -> Iterator[Folder]:
    """Give a new scratch folder and erase it on every way out; raise ProbeError when it cannot be made or erased."""
    base = _base(configured)
    path = base / (PREFIX + secrets.token_hex(8))
    if len(str(path)) > LONGEST_SOCKET_FOLDER:
        raise ProbeError(
            Reason.OURS,
            "the path of the scratch folder is too long for a socket",
            "Name a shorter folder under [restore] scratch.",
        )
    try:
        path.mkdir(mode=0o700)
        lock = _held(path)
    except OSError as error:
        raise ProbeError(
            Reason.OURS, f"no scratch folder can be made ({_errno(error)})", "Check [restore] scratch and its rights."
        ) from None
    in_memory = tuning.is_memory(base)
    made = Folder(path, in_memory, in_memory or declared_encrypted, nice)
    try:
        with erasure.at_exit(path):
            made.fetched.mkdir(mode=0o700)
            yield made
    finally:
        os.close(lock)


Link = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Server:
    """A running throw-away server, reached through its socket only."""

    folder: Folder
    binaries: Binaries
    process: "subprocess.Popen[bytes]"

    def connect(self, database: str, user: str = SUPERUSER) -> Link:
        """Open a connection; only the socket in our own folder is ever used, whatever libpq's variables say."""
        return psycopg.connect(
            host=str(self.folder.path),
            port=5432,
            hostaddr="",
            dbname=database,
            user=user,
            password="",
            passfile=str(self.folder.path / "none"),
            options="",
            sslmode="disable",
            connect_timeout=10,
            application_name="penhas-checks",
            client_encoding="UTF8",  # with SQL_ASCII psycopg would return bytes
            autocommit=True,
        )

    def arguments(self, database: str, user: str) -> tuple[str, ...]:
        """The options by which PostgreSQL's own programs reach this server and no other."""
        return ("-h", str(self.folder.path), "-p", "5432", "-U", user, "-d", database, "--no-password")

    @property
    def alive(self) -> bool:
        """Whether the server has not ended by itself."""
        return self.process.poll() is None


@contextmanager
def server(
    where: Folder, binaries: Binaries, seconds: float, *, database_bytes: int | None = None, jobs: int = 2
) -> Iterator[Server]:
    """Make and start a server in the folder within `seconds`; it is ended on every way out.

    Raises ProbeError (our own fault) when this machine cannot start one.
    """
    deadline = time.monotonic() + seconds
    _initialise(where, binaries, seconds)
    with (where.data / "postgresql.conf").open("a", encoding="utf-8") as configuration:
        configuration.writelines(
            f"{name} = '{value}'\n" for name, value in tuning.settings(where.path, database_bytes, jobs).items()
        )
    with where.log.open("wb") as log:
        process = child.start(
            (
                *child.gentle(where.nice),
                *child.privilege(),
                *child.dying("QUIT"),
                binaries["postgres"],
                "-D",
                str(where.data),
            ),
            log,
        )
    try:
        running = Server(where, binaries, process)
        _await(running, deadline)
        yield running
    finally:
        # Nothing here is worth a clean shutdown: the files are erased next.
        child.finish(process, signal.SIGQUIT, patience=5.0)


def _initialise(where: Folder, binaries: Binaries, seconds: float) -> None:
    if child.privilege()[:1] == ("setpriv",):
        where.data.mkdir(mode=0o700)
        for path in (where.path, where.data):
            os.chown(path, child.NOBODY, child.NOBODY)
    made = child.run(
        (
            *child.gentle(where.nice),
            *child.privilege(),
            binaries["initdb"],
            "-D",
            str(where.data),
            f"--username={SUPERUSER}",
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
            *(("--no-data-checksums",) if binaries.major >= CHECKSUMS_BY_DEFAULT else ()),
        ),
        seconds,
    )
    if made.code != 0:
        raise ProbeError(
            Reason.OURS,
            "initdb could not make a throw-away server" + (" in time" if made.timed_out else f" (exit {made.code})"),
            "Check that this machine allows user namespaces, or run as a user that is not root.",
        )


def _await(running: Server, deadline: float) -> None:
    while running.alive:
        try:
            with running.connect("postgres") as link:
                row = link.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        else:
            if row == (str(running.folder.data),):
                return
            raise ProbeError(Reason.OURS, "the server that answered is not the throw-away server", "")
    raise ProbeError(
        Reason.OURS, "the throw-away server did not start", "Check memory and shared memory limits of this machine."
    )


def _base(configured: str | None) -> Path:
    if configured is not None:
        return Path(configured)
    return MEMORY if tuning.is_memory(MEMORY) and os.access(MEMORY, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


def bases(configured: str | None) -> tuple[Path, ...]:
    """Every folder where a scratch folder of this or of an earlier run may lie."""
    known = (MEMORY, Path(tempfile.gettempdir()), *([Path(configured)] if configured is not None else []))
    return tuple(dict.fromkeys(p for p in known if p.is_dir()))


def _held(path: Path) -> int:
    descriptor = os.open(path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _errno(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno is not None else "unknown"
