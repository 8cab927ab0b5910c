"""What stands for a host in the lab: a procfs folder that ticks, and a small real tmpfs that can really be full."""

import contextlib
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from lab.processes import Launcher, Process
from lab.state import LabError

PROCESSORS = 2
_ARGUMENTS = "curl --user ana:MARCADA-SENHA-1"
HERTZ = 100  # USER_HZ, the unit of /proc/stat
TICK = 0.1
CALM = 0.06
WAITING = 0.03  # of the time in which a processor has nothing to do
STOLEN = 0.03  # of the time in which it is wanted
SWAP = 2 << 20  # kB
VOLUME_BYTES = 32 * 1024 * 1024
VOLUME_INODES = 2048
WORKERS = "hypnotoad"
# (pid, command, pages); one calls itself what it was called with, as some programs do
_PROCESSES = ((101, "postgres", 40000), (102, WORKERS, 30000), (103, WORKERS, 31000), (104, _ARGUMENTS, 9000))


@dataclass(slots=True)
class Host:
    """`busy` is the share of processor time that procfs/stat shows as used; see `work`.

    Of what is used `stolen` is the share that others got, of the rest `waiting` is the share that disks are waited for.
    """

    folder: Path
    busy: float = CALM
    waiting: float = WAITING
    stolen: float = STOLEN
    _weight: float = 3600.0
    _jiffies: dict[str, float] = field(
        default_factory=lambda: {"spent": 970_000.0, "stolen": 30_000.0, "idle": 8_730_000.0, "waited": 270_000.0}
    )
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def procfs(self) -> Path:
        """Return the folder that stands for /proc."""
        return self.folder / "procfs"

    @property
    def volume(self) -> Path:
        """Return the link to the mounted tmpfs."""
        return self.folder / "volume"

    def start(self) -> None:
        """Write procfs/stat and keep it moving."""
        self.procfs.mkdir(parents=True, exist_ok=True)
        self.remember()
        self._write()
        self._thread = threading.Thread(target=self._tick, name="ticker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the clock stand still."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(2)

    def work(self, share: float, waiting: float = WAITING, stolen: float = STOLEN) -> None:
        """Have the processors `share` busy from now on, and for so long before that no earlier reading weighs much.

        A check may compare with a reading of a quarter of an hour ago; whoever breaks something does not wait for that.
        """
        with self._writing:
            self.busy, self.waiting, self.stolen = share, waiting, stolen
            self._add(self._weight)
            self._write()
        self._weight *= 8  # so that it also outweighs the last change

    def _add(self, seconds: float) -> None:
        jiffies = seconds * HERTZ * PROCESSORS
        for name, share in (
            ("spent", self.busy * (1 - self.stolen)),
            ("stolen", self.busy * self.stolen),
            ("idle", (1 - self.busy) * (1 - self.waiting)),
            ("waited", (1 - self.busy) * self.waiting),
        ):
            self._jiffies[name] += jiffies * share

    def _tick(self) -> None:
        last = time.monotonic()
        while not self._stopped.wait(TICK):
            now = time.monotonic()
            with self._writing:
                self._add(now - last)
                self._write()
            last = now

    def remember(
        self,
        available: float = 0.6,
        oom_kills: int = 3,
        files: float = 0.02,
        swapped: float = 0.01,
        grown: float = 1.0,
    ) -> None:
        """Write what else procfs tells: memory, kills for want of it, open files, and a few processes."""
        kilobytes = 16 << 20
        meminfo = (
            ("MemTotal", kilobytes),
            ("MemAvailable", int(kilobytes * available)),
            ("SwapTotal", SWAP),
            ("SwapFree", int(SWAP * (1 - swapped))),
        )
        for name, text in (
            ("meminfo", "".join(f"{key}: {value} kB\n" for key, value in meminfo)),
            ("vmstat", f"nr_free_pages 1\noom_kill {oom_kills}\n"),
            ("uptime", "900000.00 1700000.00\n"),
            ("sys/fs/file-nr", f"{int(files * 1e6)}\t0\t1000000\n"),
            *((f"{pid}/stat", _process(pid, command, int(size * grown))) for pid, command, size in _PROCESSES),
        ):
            path = self.procfs / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(f".{path.name}").write_text(text)
            path.with_name(f".{path.name}").replace(path)

    def _write(self) -> None:
        temporary = self.procfs / ".stat"
        temporary.write_text(stat_text(self._jiffies, time.time()))
        temporary.replace(self.procfs / "stat")


def _process(pid: int, command: str, pages: int) -> str:
    """Return a file as proc_pid_stat(5) has it."""
    before = " ".join(["S", "1", *("0" for _ in range(17))])
    return f"{pid} ({command}) {before} 4000 0 {pages} 0 0 0\n"


def stat_text(jiffies: dict[str, float], now: float) -> str:
    """Return a file as proc_stat(5) has it; its jiffies are of all processors together."""
    boot = int(now - time.clock_gettime(time.CLOCK_BOOTTIME))
    # user nice system idle iowait irq softirq steal guest guest_nice
    spent, waited = jiffies["spent"], jiffies["waited"]
    shares = (spent * 0.72, 0, spent * 0.23, jiffies["idle"], waited, 0, spent * 0.05, jiffies["stolen"], 0, 0)
    lines = ["cpu  " + " ".join(f"{share:.0f}" for share in shares)]
    lines += [f"cpu{n} " + " ".join(f"{share / PROCESSORS:.0f}" for share in shares) for n in range(PROCESSORS)]
    rest = ("intr 0", f"ctxt {spent * 40:.0f}", f"btime {boot}", f"processes {spent / 50:.0f}", "procs_running 1")
    return "\n".join((*lines, *rest, "procs_blocked 0", "softirq 0 0 0 0 0 0 0 0 0 0 0", ""))


def mount_volume(launcher: Launcher, host: Host) -> Process | None:
    """Mount a tmpfs that lives as long as the returned process, seen as host.volume; None where that is not allowed."""
    inside = host.folder / "mount"
    inside.mkdir(parents=True, exist_ok=True)
    options = f"size={VOLUME_BYTES},nr_inodes={VOLUME_INODES},mode=0700"
    # a namespace of its own: nothing to unmount, whatever happens to us
    namespace = ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    script = f'mount -t tmpfs -o {options} lab "$0" && exec sleep infinity'
    try:
        holder = launcher.start("volume", [*namespace, "sh", "-c", script, inside], prefix=())
    except FileNotFoundError:
        return None
    through = Path(f"/proc/{holder.pid}/root{inside}")
    outside = inside.stat().st_dev
    try:
        holder.await_ready(lambda: _device(through) not in (None, outside), within=3)
    except LabError:
        holder.stop()
        return None
    host.volume.unlink(missing_ok=True)
    host.volume.symlink_to(through)
    fill(host.volume / "base", VOLUME_BYTES // 5)
    return holder


def fill(path: Path, size: int) -> None:
    """Write a file of `size` bytes that really takes that much room."""
    with path.open("wb") as file:
        for _ in range(size // 65536):
            file.write(b"\xa5" * 65536)


def _device(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return path.stat().st_dev
    return None
