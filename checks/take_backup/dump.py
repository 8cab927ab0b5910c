"""Run pg_dump and pg_dumpall, and encrypt what they write on its way to the disk. Called by take.py."""

import hashlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from checks.engine.probes.backup import child
from checks.engine.probes.backup.archive import HEAD, ArchiveError
from checks.engine.probes.backup.archive_read import Contents, read_archive
from checks.engine.probes.backup.look import encryption_of
from checks.engine.probes.backup.store import CHUNK
from checks.take_backup.failure import BackupFailed, reason

COMPRESSION = "6"  # zlib: the only compression of pg_dump with a checksum of its own
LOCK_WAIT = "60s"
_NO_ROOM = 1 << 16  # bytes
_LONG = 7 * 86400.0  # a dump is as long as it is: whoever runs us sets the limit


@dataclass(frozen=True, slots=True)
class Staged:
    """A file ready to be stored, and what it was before encryption."""

    path: Path
    encryption: str
    size: int
    sha256: str
    plain_size: int
    plain_sha256: str


@dataclass(frozen=True, slots=True)
class Dumper:
    """How the programs are run: from and into which folder, told what connection, encrypting by what, how gently."""

    programs: Path
    variables: dict[str, str]
    folder: Path
    encrypt: tuple[str, ...]
    nice: int

    def command(self, snapshot: str) -> tuple[str, ...]:
        """Return pg_dump's own arguments; none of them is a secret."""
        return (
            "pg_dump",
            "--format=custom",
            f"--compress={COMPRESSION}",
            f"--snapshot={snapshot}",
            f"--lock-wait-timeout={LOCK_WAIT}",
            "--no-password",
        )

    def dump(self, snapshot: str, progress: Callable[[int], None]) -> tuple[Staged, Contents]:
        """Dump the database, read the archive to its end, and return both.

        In the clear, pg_dump writes the file itself, with the offsets that a parallel restore wants; encrypted, it
        passes through a pipe and nothing of it lies on the disk in the clear.
        """
        program, *arguments = self.command(snapshot)
        command = [*child.gentle(self.nice), str(self.programs / program), *arguments]
        path = self.folder / "dump"
        if not self.encrypt:
            self._to_file(command, path, progress)
            with path.open("rb") as file, Path(os.devnull).open("wb") as nothing:
                passing = _Passing(file, nothing)
                contents = _read(passing, lambda _: None)
        else:
            with self._output(path, command, "pg_dump") as passing:
                contents = _read(passing, progress)
        if contents is None:
            raise BackupFailed("pg_dump ended well, but what it wrote cannot be read", "Look at this machine's disk.")
        return self._staged(path, passing), contents

    def _to_file(self, command: list[str], path: Path, progress: Callable[[int], None]) -> None:
        path.touch(mode=0o600)

        def grown(_: int) -> None:
            progress(path.stat().st_size)

        ended = child.run(
            [*command, f"--file={path}"], _LONG, variables=self.variables, folder=self.folder, each=grown, stdout=False
        )
        if ended.code != 0:
            raise BackupFailed(f"pg_dump failed (exit code {ended.code}): {self._why(ended.stderr)}")
        with path.open("rb") as file:
            os.fsync(file.fileno())

    def globals(self, database: str) -> Staged:
        """Dump roles and tablespaces, without passwords."""
        path = self.folder / "globals"
        command = [
            str(self.programs / "pg_dumpall"),
            "--globals-only",
            "--no-role-passwords",
            "--no-password",
            f"--database={database}",
        ]
        with self._output(path, command, "pg_dumpall") as passing:
            text = b"".join(passing.watched(lambda _: None))
        if b"PostgreSQL database cluster dump complete" not in text[-200:]:
            raise BackupFailed("pg_dumpall ended well, but its last line is missing")
        return self._staged(path, passing)

    @contextmanager
    def _output(self, path: Path, command: list[str], name: str) -> Iterator["_Passing"]:
        """Run a program whose output passes by and lies in `path` in the end, encrypted where that is due."""
        with tempfile.TemporaryFile(dir=self.folder) as words, open(path, "xb", opener=_private) as file:
            source = self._start([*child.dying("KILL"), *command], subprocess.DEVNULL, subprocess.PIPE, words)
            sink = (
                self._start([*child.dying("KILL"), *self.encrypt], subprocess.PIPE, file, None)
                if self.encrypt
                else None
            )
            try:
                assert source.stdout is not None  # noqa: S101 (it was asked for)
                passing = _Passing(source.stdout, file if sink is None else _input(sink))
                yield passing
                passing.close(sink is not None)
                self._ended(source, sink, words, name)
                file.flush()
                os.fsync(file.fileno())
            finally:
                for process in (source, sink):
                    if process is not None:
                        child.finish(process, signal.SIGTERM, 2.0)

    def _start(
        self, command: list[str], stdin: int, stdout: "IO[bytes] | int", stderr: "IO[bytes] | None"
    ) -> "subprocess.Popen[bytes]":
        # The encrypting program is given a home, where its keys are, and nothing of the connection.
        variables = self.variables if stderr is not None else {"HOME": os.environ.get("HOME", "/")}
        try:
            return subprocess.Popen(
                command,
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.DEVNULL if stderr is None else stderr,
                env=child.environment(variables),
                start_new_session=True,
            )
        except OSError:
            raise BackupFailed(f"{Path(command[-1]).name} cannot be started") from None

    def _ended(
        self,
        source: "subprocess.Popen[bytes]",
        sink: "subprocess.Popen[bytes] | None",
        words: "IO[bytes]",
        name: str,
    ) -> None:
        code = source.wait()
        if code != 0:
            words.seek(0)
            raise BackupFailed(f"{name} failed (exit code {code}): {self._why(words.read(1 << 16))}")
        if sink is not None and sink.wait() != 0:
            program = Path(self.encrypt[0]).name
            raise BackupFailed(
                f"{program} could not encrypt the backup", "Try the command of [backup] encrypt by hand."
            )

    def _why(self, words: bytes) -> str:
        """Return why a program failed; on a full disk it had no room for its words either."""
        space = os.statvfs(self.folder)
        if space.f_bavail * space.f_frsize < _NO_ROOM:
            return f"no space left in {self.folder.parent}"
        return reason(words)

    def _staged(self, path: Path, passing: "_Passing") -> Staged:
        with path.open("rb") as file:
            encryption = encryption_of(file.read(HEAD)) if self.encrypt else ""
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest() if self.encrypt else passing.sha256
        if self.encrypt and encryption == "" and digest == passing.sha256:
            raise BackupFailed("the command of [backup] encrypt does not encrypt", "Name age or gpg there.")
        return Staged(path, encryption, path.stat().st_size, digest, passing.size, passing.sha256)


class _Passing:
    """A program's output on its way: written on, counted, digested, and seen by whoever reads it here."""

    def __init__(self, source: "IO[bytes]", sink: "IO[bytes]") -> None:
        self._source = source
        self._sink = sink
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def watched(self, progress: Callable[[int], None]) -> Iterator[bytes]:
        """Yield what passes."""
        while piece := self._source.read(CHUNK):
            try:
                self._sink.write(piece)
            except BrokenPipeError:
                raise BackupFailed("the encrypting program stopped reading") from None
            except OSError as error:
                raise BackupFailed(f"the dump cannot be written: {os.strerror(error.errno or 0).lower()}") from None
            self._digest.update(piece)
            self.size += len(piece)
            progress(self.size)
            yield piece

    def close(self, pipe: bool) -> None:
        """End the sink's input, where that is a program."""
        if pipe:
            self._sink.close()


def _read(passing: _Passing, progress: Callable[[int], None]) -> Contents | None:
    """Read an archive as it passes; None where it cannot be read, and then it has still passed to its end."""
    watched = passing.watched(progress)
    try:
        return read_archive(watched)
    except ArchiveError:
        for _ in watched:
            pass
        return None


def _input(process: "subprocess.Popen[bytes]") -> "IO[bytes]":
    assert process.stdin is not None  # noqa: S101 (it was asked for)
    return process.stdin


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
