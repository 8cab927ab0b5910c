"""Reads memory, handles, counters and processes from a procfs (proc(5)); called by the probe of the host.

Of a process only its pid, its name, its size and its age are read: arguments may hold secrets.
"""

import os
import re
import time
from pathlib import Path

from checks.engine.model import ProbeError, Reason
from checks.engine.readings.host import HostCounters, HostHandles, HostMemory, HostWorkers
from checks.engine.records import dataclass

SHOWN = 20
_NAME = re.compile(r"[\w.:/+-]{1,32}")
_STARTED, _RESIDENT = 19, 21  # of proc_pid_stat(5), counted from the state behind the name
_IOWAIT, _STEAL, _GUEST = 4, 7, 8


@dataclass(frozen=True, slots=True)
class Process:
    """One process."""

    pid: int
    name: str
    resident: int
    age: float


def memory(procfs: Path) -> HostMemory:
    """Return what memory is left, and who has the most of the rest."""
    fields = {
        line.partition(":")[0]: int(line.split()[1]) * 1024
        for line in _text(procfs / "meminfo").splitlines()
        if len(line.split()) > 1 and line.split()[1].isdigit()
    }
    total, available = fields.get("MemTotal", 0), fields.get("MemAvailable")
    if total <= 0 or available is None:
        raise ProbeError(Reason.PROTOCOL, f"{procfs}/meminfo is not what proc_meminfo(5) describes")
    swap = fields.get("SwapTotal", 0)
    largest = sorted(processes(procfs), key=lambda process: -process.resident)[:SHOWN]
    return HostMemory(
        available_ratio=available / total,
        swap_ratio=1 - fields.get("SwapFree", 0) / swap if swap > 0 else None,
        total=total,
        culprits=tuple(f"pid {p.pid} {p.name}: {p.resident >> 20} MiB, for {p.age / 3600:.1f} h" for p in largest),
        source=f"{procfs}/meminfo",
        sampled_at=time.time(),
    )


def workers(procfs: Path, name: str) -> HostWorkers:
    """Return the sizes of the processes of one name."""
    found = [process for process in processes(procfs) if process.name == name]
    if found == []:
        raise ProbeError(Reason.NO_DATA, f"no process is called {name}", "Start them, or mend workers under [host].")
    return HostWorkers(
        sizes=tuple((process.pid, process.resident) for process in found),
        source=f"{procfs}/*/stat",
        sampled_at=time.time(),
    )


def processes(procfs: Path) -> list[Process]:
    """Return every process; one that ends meanwhile is left out."""
    uptime = float(_text(procfs / "uptime").split()[0])
    hertz, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    found = []
    for folder in procfs.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            before, _, rest = (folder / "stat").read_bytes().decode("utf-8", "replace").rpartition(")")
            fields = rest.split()
            started, resident = int(fields[_STARTED]) / hertz, int(fields[_RESIDENT]) * page
        except (OSError, IndexError, ValueError):
            continue
        name = before.partition("(")[2]
        # A process may call itself anything, and some write their arguments there.
        shown = name if _NAME.fullmatch(name) else "(a name that is not shown)"
        found.append(Process(int(folder.name), shown, resident, max(0.0, uptime - started)))
    return found


def handles(procfs: Path) -> HostHandles:
    """Return how much of what the kernel allows is open."""
    used, _, most = (int(word) for word in _text(procfs / "sys/fs/file-nr").split())
    tracked, limit = procfs / "sys/net/netfilter/nf_conntrack_count", procfs / "sys/net/netfilter/nf_conntrack_max"
    ratio = int(_text(tracked)) / int(_text(limit)) if tracked.exists() and limit.exists() else None
    return HostHandles(
        files_ratio=used / most,
        connections_ratio=ratio,
        source=f"{procfs}/sys/fs/file-nr",
        sampled_at=time.time(),
    )


def counters(procfs: Path) -> HostCounters:
    """Return what the kernel counts since boot."""
    vmstat = dict(line.split()[:2] for line in _text(procfs / "vmstat").splitlines() if len(line.split()) > 1)
    fields = {line.split()[0]: line.split()[1:] for line in _text(procfs / "stat").splitlines() if line.split()}
    hertz = os.sysconf("SC_CLK_TCK")
    try:
        jiffies = [int(figure) for figure in fields["cpu"]][:_GUEST]
        return HostCounters(
            oom_kills=int(vmstat["oom_kill"]),
            iowait=jiffies[_IOWAIT] / hertz,
            steal=jiffies[_STEAL] / hertz,
            total=sum(jiffies) / hertz,
            boot=float(fields["btime"][0]),
            source=f"{procfs}/vmstat, {procfs}/stat",
            sampled_at=time.time(),
        )
    except (KeyError, IndexError, ValueError):
        raise ProbeError(Reason.PROTOCOL, f"{procfs}/vmstat or stat is not what proc(5) describes") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno is not None else "no reason given"
        raise ProbeError(Reason.OURS, f"{path} cannot be read ({reason})", "Set procfs under [host].") from None
    except UnicodeDecodeError:
        raise ProbeError(Reason.PROTOCOL, f"{path} is not what proc(5) describes") from None
