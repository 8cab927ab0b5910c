"""Where a lab keeps what: its state folder, its data folder and running.json. Everything in lab/ imports it."""

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDER_VARIABLE = "PENHAS_CHECKS_LAB"


class LabError(Exception):
    """The lab cannot do what was asked; the message is one for people."""


@dataclass(frozen=True, slots=True)
class Places:
    """The two folders of one lab: `state` is known to people, `data` lies on memory where there is a place for it."""

    state: Path
    data: Path

    @property
    def running(self) -> Path:
        """Return the file that tells others of the running lab."""
        return self.state / "running.json"

    @property
    def environment_file(self) -> Path:
        """Return the generated environment file."""
        return self.state / "environment.toml"

    @property
    def control(self) -> Path:
        """Return the socket on which the supervisor answers."""
        return self.data / "control"

    @property
    def logs(self) -> Path:
        """Return the folder with a log file a process."""
        return self.data / "logs"


def places(folder: Path | None = None) -> Places:
    """Return the folders of the lab whose state is kept in `folder` (default: from the environment, else XDG's)."""
    if folder is None:
        named = os.environ.get(FOLDER_VARIABLE, "")
        folder = Path(named) if named != "" else _xdg("XDG_STATE_HOME", ".local/state") / "penhas-checks" / "lab"
    folder = folder.absolute()
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:10]
    memory = Path("/dev/shm")  # noqa: S108 (the data folder in it is made with mode 0700 and its owner is checked)
    root = memory if memory.is_dir() and os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    ours = Places(folder, root / f"penhas-checks-lab-{os.getuid()}-{digest}")
    return _of_whoever_started_it(ours, digest) if os.getuid() == 0 else ours


def _of_whoever_started_it(ours: Places, digest: str) -> Places:
    """Return the places of the lab of another user in the same state folder, which root sees, else those of root."""
    named = Path(str((read_running(ours) or {}).get("data", "")))
    theirs = re.fullmatch(rf"penhas-checks-lab-[1-9]\d*-{digest}", named.name) is not None
    return Places(ours.state, named) if theirs else ours


@contextlib.contextmanager
def as_owner(where: Places) -> Iterator[None]:
    """Have the rights of the user whose lab this is, and no more, where that is another one and we are root."""
    owner = where.state.lstat() if where.state.exists() else None
    if os.geteuid() != 0 or owner is None or owner.st_uid == 0 or f"{where.data.name}-".split("-")[3] == "0":
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def cache_folder() -> Path:
    """Return the folder of the templates, 0700."""
    folder = _xdg("XDG_CACHE_HOME", ".cache") / "penhas-checks" / "lab"
    private_folder(folder)
    return folder


def private_folder(folder: Path) -> None:
    """Make `folder` with mode 0700, or make sure that it is ours alone: /dev/shm is open to everyone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    ours = {os.geteuid()} if os.geteuid() != 0 else {0, pwd.getpwnam("nobody").pw_uid}  # see processes.give_to_servers
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours:
        raise LabError(f"{folder} belongs to somebody else: remove it, or set {FOLDER_VARIABLE} to another folder")
    folder.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Replace `path` by a file of mode 0600 that holds `text`, in one step."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def read_running(where: Places) -> dict[str, Any] | None:
    """Return what running.json says, or None when there is none that can be read; a LabError when we may not."""
    try:
        found = json.loads(where.running.read_text(encoding="utf-8"))
    except PermissionError:
        raise LabError(
            f"{where.state} is another user's: set {FOLDER_VARIABLE} to another folder, or be root"
        ) from None
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


@contextlib.contextmanager
def locked(where: Places) -> Iterator[None]:
    """Let one `up` or `down` of this lab work at a time; the lock lies beside the templates."""
    path = cache_folder() / f"{where.data.name}.lock"
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _xdg(variable: str, default: str) -> Path:
    named = os.environ.get(variable, "")
    return Path(named) if named != "" else Path.home() / default
