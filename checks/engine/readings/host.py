"""What is read of a host that the suite runs on."""

from dataclasses import dataclass

from checks.engine.model import Bytes, NotJudged, Ratio, Reading, Seconds
from checks.engine.readings import derived, reading


@reading("host_cpu_times", service="host", kinds=("host",))
@dataclass(frozen=True, slots=True, kw_only=True)
class HostCpuTimes(Reading):
    """CPU time since boot, from the first line of /proc/stat (proc_stat(5)); idle includes iowait, steal is busy."""

    busy: Seconds
    total: Seconds
    boot: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCpu(Reading):
    """The mean busy share of all processors between two readings."""

    busy_ratio: Ratio


@derived("host_cpu", base="host_cpu_times", apart=(5, 900), type=HostCpu)
def host_cpu(earlier: HostCpuTimes, later: HostCpuTimes) -> HostCpu | NotJudged:
    """Compute the busy share from two readings of the same boot."""
    if later.boot != earlier.boot or later.total <= earlier.total:
        return NotJudged("the host restarted between the two samples")
    return HostCpu(
        busy_ratio=(later.busy - earlier.busy) / (later.total - earlier.total),
        source=later.source,
        sampled_at=later.sampled_at,
    )


@reading("host_disk", service="host", kinds=("mount",))
@dataclass(frozen=True, slots=True, kw_only=True)
class HostDisk(Reading):
    """One mount (statvfs(3)): bytes and inodes as df(1) counts them, used / (used + available to us)."""

    used_ratio: Ratio
    inodes_used_ratio: Ratio | None
    available: Bytes
    size: Bytes
