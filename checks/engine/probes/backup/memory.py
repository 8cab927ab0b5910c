"""How much memory a restore may take: what the kernel can give away, and no more than our own cgroup still allows.

Called by `scratch` and `tuning`. A scheduler bounds the nightly run by a cgroup (MemoryMax= of systemd, a container's
limit): what lies in /dev/shm counts there too, and going beyond it would kill the throw-away server.
"""

from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
MOUNT = Path("/sys/fs/cgroup")
UNKNOWN = 1 << 30  # where the kernel does not say
# By version: where the hierarchy is mounted, its files of limit and use, and what of its statistics can be reclaimed.
_FILES = {
    1: ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("", "memory.max", "memory.current", "inactive_file"),
}


def available() -> int:
    """Return the bytes of memory that a restore may take."""
    free = _free()
    allowed = allowance()
    return free if allowed is None else min(free, allowed)


def allowance(proc: Path = PROC, mount: Path = MOUNT) -> int | None:
    """Return the bytes that our cgroup, and each above it, still allows; None where none of them has a limit."""
    return min((left for version, path in _own(proc) for left in _left(version, path, mount)), default=None)


def _free() -> int:
    try:
        for line in (PROC / "meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return UNKNOWN


def _own(proc: Path) -> Iterator[tuple[int, str]]:
    """Our places in the hierarchies that count memory: `0::/path` of version 2, `4:memory:/path` of version 1."""
    try:
        lines = (proc / "self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            yield 1, path
        elif number == "0":
            yield 2, path


def _left(version: int, path: str, mount: Path) -> Iterator[int]:
    """What is left at each level; within a container the path may not exist, and the mount itself is our level."""
    below, limit, used, reclaimable = _FILES[version]
    top = mount / below
    place = top / path.strip("/")
    for level in (place, *place.parents):
        if level != top and top not in level.parents:
            return
        try:
            most = int((level / limit).read_text("ascii"))  # "max" is none
            now = int((level / used).read_text("ascii"))
            told = dict(line.split() for line in (level / "memory.stat").read_text("ascii").splitlines())
        except (OSError, ValueError):
            continue
        if most < 1 << 60:  # version 1 writes a number that no machine has
            yield max(0, most - now + int(told.get(reclaimable, 0)))
