"""`python -m checks.take_backup`: one backup of one database, complete or not at all.

Exit codes: 0 taken · 1 not taken, and nothing of it is stored · 3 taken, and not in the second place ·
4 called or configured wrongly · 75 another is running · 128 + n stopped by signal n.
"""

import argparse
import fcntl
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from checks.engine.environment import Environment, InvalidFileError, load
from checks.engine.model import ProbeError
from checks.engine.probes.backup.store import open_store
from checks.take_backup.failure import BackupFailed, NotCopied
from checks.take_backup.progress import Progress
from checks.take_backup.take import Plan, take

EXIT_FAILED, EXIT_NOT_COPIED, EXIT_USAGE, EXIT_BUSY = 1, 3, 4, 75


class Stopped(BaseException):
    """A signal asked us to stop; like KeyboardInterrupt, no handler of errors catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def parser() -> argparse.ArgumentParser:
    """Return the options; none of them takes a secret."""
    parse = argparse.ArgumentParser(
        prog="python -m checks.take_backup",
        description=(
            "Take a backup that can be proven: pg_dump -Fc, the roles, and a signed manifest with the rows and sums of "
            "every table, all of one snapshot. The files are stored first and the manifest last: without it a backup "
            "does not count. The table [backup] of the environment file says where to; `source` names the variable "
            "with the connection string of a role that may read everything, `seed` the one with the secret that signs."
        ),
        epilog=__doc__.partition("\n\n")[2] if __doc__ else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parse.add_argument(
        "--environment",
        metavar="FILE",
        default=os.environ.get("PENHAS_CHECKS_ENVIRONMENT"),
        help="the environment file (default: PENHAS_CHECKS_ENVIRONMENT)",
    )
    parse.add_argument("--binaries", metavar="FOLDER", type=Path, help="where pg_dump and pg_dumpall are")
    parse.add_argument(
        "--scratch",
        metavar="FOLDER",
        type=Path,
        help="where the files wait until they are stored, encrypted where [backup] encrypt says so (default: TMPDIR)",
    )
    parse.add_argument(
        "--second",
        action="store_true",
        help="store it in [backup.second] too, with a key that may write there (else: let the bucket replicate)",
    )
    parse.add_argument("--quiet", action="store_true", help="print nothing but what went wrong")
    return parse


def main(arguments: list[str] | None = None) -> int:
    """Take a backup; return the exit code."""
    options = parser().parse_args(arguments)
    progress = Progress(quiet=options.quiet)
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        signal.signal(number, _stop)
    try:
        environment = _environment(options.environment, options.second)
        with _alone(environment.name):
            manifest = take(_plan(environment, options), progress)
    except (UsageError, BusyError, BackupFailed, ProbeError, Stopped) as error:
        text, code = _outcome(error)
        sys.stderr.write(f"take_backup {text}\n")
        return code
    rows = sum(table.rows for table in manifest.tables)
    size = sum(file.size for file in manifest.files)
    progress.phase("taken", f"{manifest.name}: {len(manifest.tables)} tables, {rows} rows, {size / 2**20:.1f} MiB")
    return 0


class UsageError(Exception):
    """Called or configured wrongly; the text is ours."""


class BusyError(Exception):
    """Another one is running."""


def _environment(path: str | None, second: bool) -> Environment:
    if path is None:
        raise UsageError("say --environment=FILE, or set PENHAS_CHECKS_ENVIRONMENT")
    try:
        environment = load(Path(path))
    except InvalidFileError as error:
        raise UsageError(str(error)) from None
    if environment.backup is None:
        raise UsageError(f"{path}: has no table [backup]")
    for key in ("source", "seed"):
        if getattr(environment.backup, key) is None:
            raise UsageError(f'{path}: [backup] {key} is not set; write {key} = {{ env = "PENHAS_CHECKS_…" }}')
    if second and environment.backup.second is None:
        raise UsageError(f"{path}: --second needs a table [backup.second]")
    if environment.backup.encrypted and environment.backup.encrypt == ():
        raise UsageError(f"{path}: [backup] encrypted is set, and encrypt names no command")
    return environment


def _plan(environment: Environment, options: argparse.Namespace) -> Plan:
    backup = environment.backup
    assert backup is not None  # noqa: S101 (_environment has looked)
    assert backup.source is not None  # noqa: S101
    assert backup.seed is not None  # noqa: S101
    try:
        connection, seed = backup.source.text(), backup.seed.text()
        store = open_store(backup, writing=True)
        other = backup.second if options.second else None
        second = None if other is None else (open_store(other, writing=True), other.prefix)
    except ProbeError as error:
        raise UsageError(f"{error.why}. {error.mend}") from None
    scratch = Path(tempfile.gettempdir()) if options.scratch is None else options.scratch
    stage = scratch / f"penhas-checks-take-backup-{os.getuid()}-{environment.name}"
    return Plan(connection, store, backup.prefix, seed, backup.encrypt, options.binaries, stage, second=second)


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Hold the lock of this environment on this machine for as long as the block lasts."""
    path = Path(tempfile.gettempdir(), f"penhas-checks-take-backup-{os.getuid()}-{name}.lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError from None
        yield
    finally:
        os.close(descriptor)


def _stop(number: int, _: FrameType | None) -> None:
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)  # what follows only tidies up
    raise Stopped(number)


def _outcome(error: BaseException) -> tuple[str, int]:
    """Return what is said of an end that is not the good one, and the exit code."""
    match error:
        case UsageError():
            return str(error), EXIT_USAGE
        case BusyError():
            return "another take_backup of this environment is running", EXIT_BUSY
        case NotCopied(why=why, mend=mend):
            return f"NOT COPIED: {why}. {mend}".rstrip(), EXIT_NOT_COPIED
        case BackupFailed(why=why, mend=mend) | ProbeError(why=why, mend=mend):
            return f"NOT TAKEN: {why}. {mend}".rstrip(), EXIT_FAILED
        case Stopped(number=number):
            return f"NOT TAKEN: stopped by {signal.Signals(number).name}", 128 + number
        case _:
            raise error


if __name__ == "__main__":
    sys.exit(main())
