"""The folder of a run: made 0700, written atomically, found through `latest`, and in time retired.

Called by the plugin when a run begins and ends; nothing else writes below the reports folder.
"""

import contextlib
import datetime
import os
import re
import secrets
import shutil
import tempfile
from pathlib import Path

from checks.engine.model import Result, Run, State
from checks.engine.records import dataclass
from checks.engine.report import junit, results_json, summary

_NAME = re.compile(r"\d{8}T\d{6}Z-[A-Za-z0-9._-]+")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def write_atomic(path: Path, data: bytes | str, mode: int = 0o600, durable: bool = True) -> None:
    """Write `data` so that `path` is either what it was or all of `data`; `durable` also after a power cut.

    Raises OSError.
    """
    raw = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if durable:
                os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's folder: `path` is `<reports>/<environment>/<UTC time>-<run id>`, `home` the environment's folder."""

    path: Path
    profile: str

    @classmethod
    def create(cls, reports_dir: Path, environment: str, started: float, run_id: str, profile: str) -> "RunFolder":
        """Make the folder (0700) and point `latest-<profile>` and `latest` at it; raise OSError.

        `profile` is "" for a run without one; its link is `latest-all`.
        """
        stamp = datetime.datetime.fromtimestamp(started, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
        folder = cls(reports_dir / _part(environment) / f"{stamp}-{_part(run_id)}", _part(profile or "all"))
        reports_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.home.mkdir(exist_ok=True, mode=0o700)
        folder.path.mkdir(mode=0o700)
        folder.publish()
        return folder

    @property
    def home(self) -> Path:
        """The folder of the environment, which holds every run's folder and the links."""
        return self.path.parent

    def publish(self) -> None:
        """Point `latest-<profile>` and `latest` at this run, each in one step."""
        for link in (f"latest-{self.profile}", "latest"):
            temporary = self.home / f".{link}.{secrets.token_hex(4)}"
            temporary.symlink_to(self.path.name)
            try:
                temporary.replace(self.home / link)
            except OSError:
                temporary.unlink(missing_ok=True)
                raise

    def write(self, name: str, data: bytes | str) -> None:
        """Write one report of this run (0600), atomically."""
        write_atomic(self.path / name, data)

    def retain(self, keep: int) -> None:
        """Remove all but the `keep` newest runs of this profile; the last one that was not OK always stays.

        Whatever a link points at stays too, and so does anything that is not a run's folder; raises OSError when a
        folder cannot be removed, after the others were.
        """
        linked = {link.resolve().name for link in self.home.iterdir() if link.is_symlink()}
        runs = sorted(f for f in self.home.iterdir() if f.is_dir() and not f.is_symlink() and _NAME.fullmatch(f.name))
        if len(runs) <= keep:
            return
        mine = [(folder, verdict) for folder, verdict in map(_verdict, reversed(runs)) if verdict[0] == self.profile]
        not_ok = next((folder.name for folder, verdict in mine if verdict[1] is not State.OK), "")
        failed = ""
        for folder, _ in mine[max(keep, 1) :]:
            if folder.name not in linked | {not_ok, self.path.name}:
                try:
                    shutil.rmtree(folder)
                except OSError:
                    failed = folder.name
        if failed != "":
            raise OSError(f"the old run {failed} could not be removed")


def mark_refused(reports_dir: Path, environment: str, profile: str, why: str, now: float) -> RunFolder:
    """Point `latest` at an UNKNOWN run that says why nothing was run: the last green one must not stand.

    Raises OSError when the reports folder cannot be written and ValueError when `environment` is no name.
    """
    folder = RunFolder.create(reports_dir, environment, now, f"refused-{secrets.token_hex(3)}", profile)
    write_refused(folder, environment, profile, why, now)
    return folder


def write_refused(folder: RunFolder, environment: str, profile: str, why: str, now: float) -> None:
    """Let a run's folder say why nothing was run; raise OSError."""
    run = unfinished(environment, profile, folder.path.name.split("-", 1)[1], now, f"refused: {why}")
    folder.write("results.json", results_json.dump(run))
    folder.write("summary.html", summary.render(run, summary.Extras()))
    folder.write("junit.xml", junit.render(run))


def unfinished(environment: str, profile: str, run_id: str, now: float, why: str) -> Run:
    """Return a run that has nothing but one UNKNOWN result saying `why`, for a run without checks to show."""
    result = Result(
        id="run-finished",
        target=environment,
        title="The run came to its end.",
        service="suite",
        chapter="run",
        guide=(),
        profiles=(),
        state=State.UNKNOWN,
        message=f"{environment}: {why}",
    )
    return Run(environment, False, profile, run_id, now, now, State.UNKNOWN, False, "", (result,))


def _verdict(folder: Path) -> tuple[Path, tuple[str, State]]:
    """The profile and verdict of a stored run; one that cannot be read is UNKNOWN and of every profile's concern."""
    with contextlib.suppress(OSError, ValueError):
        run = results_json.load((folder / "results.json").read_text(encoding="utf-8"))
        return folder, (run.profile or "all", run.verdict)
    return folder, ("", State.UNKNOWN)


def _part(name: str) -> str:
    if _PART.fullmatch(name) is None:
        raise ValueError(f"{name!r} cannot name a folder")
    return name
