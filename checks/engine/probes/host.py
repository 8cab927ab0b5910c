"""The probe of a host that the suite runs on: its procfs, its systemd, and each mount by statvfs(3).

Every mount is a target of its own, read in its own daemon thread, so that a mount that hangs costs only itself.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

from checks.engine.environment import operations
from checks.engine.model import ProbeError, Reading, Reason
from checks.engine.probes import Context, procfs, systemd
from checks.engine.readings.host import HostCpuTimes, HostDisk

_GUEST = 8  # proc_stat(5): guest time, from the ninth figure on, is counted in user and nice already
_IDLE, _IOWAIT = 3, 4
_FROM_PROCFS: dict[str, Callable[[Path], Reading]] = {
    "host_memory": procfs.memory,
    "host_handles": procfs.handles,
    "host_counters": procfs.counters,
}


def read(context: Context) -> None:
    """Settle every name of `context.names` for the host or one of its mounts."""
    settings = context.environment.host
    if settings is None:
        raise ProbeError(Reason.OURS, "the environment file has no table host")
    # What a program is asked for comes last: it may hang, and files do not.
    for name in sorted(context.names, key=lambda name: name == "host_units"):
        try:
            context.settle(name, _read(name, settings, context))
        except ProbeError as error:
            context.settle(name, error)


def _read(name: str, settings: operations.Host, context: Context) -> Reading:
    folder = Path(settings.procfs)
    if name == "host_cpu_times":
        return cpu_times(folder)
    if name == "host_workers":
        return procfs.workers(folder, settings.workers or "")
    if name == "host_units":
        return systemd.units(settings.systemd or systemd.SYSTEM, context.remaining)
    if name in _FROM_PROCFS:
        return _FROM_PROCFS[name](folder)
    for mount in settings.mounts:
        if mount.name == context.target.name:
            return disk(mount.path)
    raise ProbeError(Reason.OURS, f"the environment file has no mount {context.target.name}")


def cpu_times(folder: Path) -> HostCpuTimes:
    """Return the CPU time since boot of all processors of the host whose procfs this is."""
    try:
        lines = (folder / "stat").read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise ProbeError(
            Reason.OURS, f"{folder}/stat cannot be read ({_errno(error)})", "Set procfs under [host]."
        ) from None
    except UnicodeDecodeError:
        raise ProbeError(Reason.PROTOCOL, f"{folder}/stat is not what proc_stat(5) describes") from None
    sampled_at = time.time()
    fields = {line.split()[0]: line.split()[1:] for line in lines if line.split()}
    try:
        jiffies = [int(figure) for figure in fields["cpu"]][:_GUEST]
        idle = jiffies[_IDLE] + jiffies[_IOWAIT]
        boot = float(fields["btime"][0])
    except (KeyError, IndexError, ValueError):
        raise ProbeError(Reason.PROTOCOL, f"{folder}/stat is not what proc_stat(5) describes") from None
    hertz = os.sysconf("SC_CLK_TCK")
    total = sum(jiffies)
    return HostCpuTimes(
        busy=(total - idle) / hertz,
        total=total / hertz,
        boot=boot,
        source=f"{folder}/stat",
        sampled_at=sampled_at,
    )


def disk(path: str) -> HostDisk:
    """Return how full the file system at `path` is, counted as df(1) does for a user who is not root."""
    try:
        found = os.statvfs(path)
    except OSError as error:
        raise ProbeError(
            Reason.OURS, f"{path} cannot be asked for its space ({_errno(error)})", "Mend the path under [host] mounts."
        ) from None
    used = found.f_blocks - found.f_bfree
    if used + found.f_bavail <= 0:
        raise ProbeError(Reason.NO_DATA, f"{path} is on a file system without a size", "Name a path on a disk.")
    used_inodes = found.f_files - found.f_ffree
    return HostDisk(
        used_ratio=used / (used + found.f_bavail),
        inodes_used_ratio=used_inodes / (used_inodes + found.f_favail) if used_inodes + found.f_favail > 0 else None,
        available=found.f_bavail * found.f_frsize,
        size=found.f_blocks * found.f_frsize,
        source=f"statvfs {path}",
        sampled_at=time.time(),
    )


def _errno(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno is not None else "no reason given"
