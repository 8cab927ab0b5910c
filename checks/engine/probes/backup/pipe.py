"""Pass a stream through a program (age, gpg, zstd) without a file: its input is fed by a thread, its output yielded."""

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Generator, Iterable
from pathlib import Path

from checks.engine.environment.models import Backup
from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup.archive import ArchiveError
from checks.engine.probes.backup.store import CHUNK

_VARIABLES = ("PATH", "HOME", "GNUPGHOME", "TMPDIR", "LANG")  # all that such a program may see of our environment


_KEY = "Check the key: wrong, or not readable."


def through(
    command: tuple[str, ...], pieces: Iterable[bytes], what: str, mend: str = _KEY
) -> Generator[bytes, None, None]:
    """Yield what `command` makes of `pieces`; ends by raising when the program fails.

    A program that fails before it gave anything is taken to lack something (our own fault, ProbeError with `mend`: most
    lack their key); one that fails later has met damaged bytes (ArchiveError).
    """
    program = Path(command[0]).name
    if shutil.which(command[0]) is None:
        raise ProbeError(Reason.OURS, f"{what}: the program {program} is not installed", f"Install {program}.")
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=variables(),
        start_new_session=True,
    )
    feeder = _Feeder(process, pieces)
    given = False
    try:
        assert process.stdout is not None  # noqa: S101 (it was asked for)
        while piece := process.stdout.read1(CHUNK):  # type: ignore[attr-defined]
            given = True
            yield piece
        feeder.join()
        code = process.wait()
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        feeder.join()
        process.stdout.close()  # type: ignore[union-attr]
    if feeder.error is not None:
        raise feeder.error
    if code != 0 and given:
        raise ArchiveError(f"{program} finds it damaged")
    if code != 0:
        raise ProbeError(Reason.OURS, f"{what}: {program} cannot open it", mend)


def variables() -> dict[str, str]:
    """Return what a program of the environment's own may see of ours: no secret."""
    return {name: os.environ[name] for name in _VARIABLES if name in os.environ}


class _Feeder(threading.Thread):
    """Writes the pieces into the program; an error of the source is kept for the reader."""

    def __init__(self, process: "subprocess.Popen[bytes]", pieces: Iterable[bytes]) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._pieces = pieces
        self.error: ProbeError | None = None
        self.start()

    def run(self) -> None:
        """Feed until the source ends or the program does not want more."""
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 (it was asked for)
        try:
            with contextlib.suppress(BrokenPipeError):
                for piece in self._pieces:
                    stdin.write(piece)
        except ProbeError as error:
            self.error = error
            self._process.kill()
        finally:
            with contextlib.suppress(BrokenPipeError):
                stdin.close()


def decryption(backup: Backup, encryption: str) -> tuple[str, ...]:
    """Return the command that decrypts: the environment's own, or that of age or gpg with the identity it names."""
    if backup.decrypt:
        return backup.decrypt
    mend = "Set [backup] decrypt or identity to decrypt on this machine."
    if backup.identity is None:
        raise ProbeError(Reason.OURS, f"the backup is encrypted with {encryption} and no key is named", mend)
    if not os.access(backup.identity, os.R_OK):
        raise ProbeError(Reason.OURS, "the key file that [backup] identity names cannot be read", mend)
    if encryption == "age":
        return ("age", "--decrypt", "--identity", backup.identity)
    if encryption == "gpg":
        batch = ("gpg", "--batch", "--quiet", "--pinentry-mode", "loopback")
        return (*batch, "--passphrase-file", str(Path(backup.identity)), "--decrypt")
    raise ProbeError(Reason.OURS, f"the backup is encrypted with {encryption}: name a command in [backup] decrypt")
