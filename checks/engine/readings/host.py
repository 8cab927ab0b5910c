"""What is read of a host that the suite runs on."""

from checks.engine.model import Bytes, Count, NotJudged, ProbeError, Ratio, Reading, Reason, Seconds
from checks.engine.readings import derived, reading
from checks.engine.records import dataclass


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


def _restarted(earlier: "HostCpuTimes | HostCounters", later: "HostCpuTimes | HostCounters") -> bool:
    """Return whether the host restarted; raises ProbeError where its time stands still, as in a copy of a procfs."""
    if later.boot == earlier.boot and later.total == earlier.total:
        why = "its CPU time stood still between the two samples: that is no live procfs"
        raise ProbeError(Reason.NO_DATA, why, "Set procfs under [host] to the /proc of the host.")
    return later.boot != earlier.boot or later.total < earlier.total


@derived("host_cpu", base="host_cpu_times", apart=(5, 900), type=HostCpu)
def host_cpu(earlier: HostCpuTimes, later: HostCpuTimes) -> HostCpu | NotJudged:
    """Compute the busy share from two readings of the same boot."""
    if _restarted(earlier, later):
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


@reading("host_memory", service="host", kinds=("host",))
@dataclass(frozen=True, slots=True, kw_only=True)
class HostMemory(Reading):
    """Memory that processes could still have, and swap in use (proc_meminfo(5)); `culprits` are the largest processes.

    A culprit is a pid, a command's name, a size and an age: never an argument.
    """

    available_ratio: Ratio
    swap_ratio: Ratio | None
    total: Bytes
    culprits: tuple[str, ...]


@reading("host_handles", service="host", kinds=("host",))
@dataclass(frozen=True, slots=True, kw_only=True)
class HostHandles(Reading):
    """Open files and tracked connections against what the kernel allows; None where it tracks none."""

    files_ratio: Ratio
    connections_ratio: Ratio | None


@reading("host_counters", service="host", kinds=("host",))
@dataclass(frozen=True, slots=True, kw_only=True)
class HostCounters(Reading):
    """Counters since boot: processes that the kernel killed for want of memory, and time that processors waited."""

    oom_kills: Count
    iowait: Seconds
    steal: Seconds
    total: Seconds
    boot: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStrain(Reading):
    """What the counters grew by between two readings of the same boot."""

    oom_kills: Count
    iowait_ratio: Ratio
    steal_ratio: Ratio


@derived("host_strain", base="host_counters", apart=(5, 93600), type=HostStrain)
def host_strain(earlier: HostCounters, later: HostCounters) -> HostStrain | NotJudged:
    """Compute what happened between two readings."""
    if _restarted(earlier, later):
        return NotJudged("the host restarted between the two samples")
    passed = later.total - earlier.total
    return HostStrain(
        oom_kills=later.oom_kills - earlier.oom_kills,
        iowait_ratio=max(0.0, later.iowait - earlier.iowait) / passed,
        steal_ratio=max(0.0, later.steal - earlier.steal) / passed,
        source=later.source,
        sampled_at=later.sampled_at,
    )


@reading("host_workers", service="host", kinds=("host",), requires=("host.workers",))
@dataclass(frozen=True, slots=True, kw_only=True)
class HostWorkers(Reading):
    """The workers of the application: (pid, bytes in memory) of each."""

    sizes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostGrowth(Reading):
    """By how much the workers that live in both of two readings have grown, all together."""

    growth: Ratio
    workers: Count
    over: Seconds


@derived("host_growth", base="host_workers", apart=(3600, 7 * 86400), type=HostGrowth)
def host_growth(earlier: HostWorkers, later: HostWorkers) -> HostGrowth | NotJudged:
    """Compare only processes that live on: a restart is no shrinking."""
    before, after = dict(earlier.sizes), dict(later.sizes)
    both = [pid for pid in before if pid in after and before[pid] > 0]
    if both == []:
        return NotJudged("every worker was restarted since the sample before")
    return HostGrowth(
        growth=sum(after[pid] for pid in both) / sum(before[pid] for pid in both) - 1,
        workers=len(both),
        over=later.sampled_at - earlier.sampled_at,
        source=later.source,
        sampled_at=later.sampled_at,
    )
