"""What goes wrong with the hosts that Prometheus sees through their node exporters."""

import re
import time

from lab import exporters, host
from lab.faults.registry import Act
from lab.faults.targets import begin
from lab.faults.watching import A, P, expect, fault, fires, metrics, scraped, until, watchers, well
from lab.relay import Relay
from lab.running import Running


def _clock_wrong(running: Running) -> None:
    metrics(running)
    exporter = watchers(running).exporters["node3"]
    if exporter.process is not None:
        exporter.process.stop()

    def later(_path: str, body: bytes) -> bytes:
        return re.sub(
            rb"^node_time_seconds .*$", b"node_time_seconds %f" % (time.time() + 47), body, flags=re.MULTILINE
        )

    other = watchers(running).exporters["node2"]
    running.kept["clock"] = Relay(other.port, later, exporter.port)
    scraped(running)
    until("Prometheus sees it", lambda: (metrics(running).value("max(node_time_seconds) - time()") or 0) > 40)  # noqa: PLR2004


def _clock_right(running: Running) -> None:
    running.kept.pop("clock").stop()
    begin("node3")(running)


fault(
    "node-clock-wrong",
    "the clock of node3 is 47 s ahead",
    expect(metrics_node_clock="CRITICAL"),
    _clock_wrong,
    _clock_right,
)


def _cpu_busy(running: Running) -> None:
    metrics(running)
    for _ in range(2):  # the second time weighs more
        running.machine.work(0.99)
    until("the processors are busy", lambda: (metrics(running).value(_CPU) or 0) > 0.96)  # noqa: PLR2004


def _cpu_idle(running: Running) -> None:
    running.machine.work(host.CALM)
    until("the processors are idle", lambda: (metrics(running).value(_CPU) or 1) < 0.5)  # noqa: PLR2004


_CPU = (
    'max(1 - sum by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))'
    " / sum by (instance) (rate(node_cpu_seconds_total[5m])))"
)
fault(
    "node-cpu-busy",
    "the nodes' processors are busy",
    {**expect(metrics_node_cpu="CRITICAL"), "capacity-database-cpu@db1": "CRITICAL"},
    _cpu_busy,
    _cpu_idle,
    P,
    "host",
)


def _memory(**settings: float) -> Act:
    def act(running: Running) -> None:
        metrics(running)
        running.machine.remember(**settings)  # type: ignore[arg-type]
        scraped(running)

    return act


fault(
    "node-memory-full",
    "the nodes have no memory left",
    {**expect(metrics_node_memory="CRITICAL"), "host-memory@db1": "CRITICAL"},
    _memory(available=0.02),
    _memory(),
    P,
    "host",
)


def _io(running: Running) -> None:
    found = metrics(running)
    exporters.disk_io(running.machine, 900_000)
    until("the disk is busy", lambda: (found.value("max(rate(node_disk_io_time_seconds_total[5m]))") or 0) > 0.97)  # noqa: PLR2004


def _io_calm(running: Running) -> None:
    found = metrics(running)
    found.forget("node_disk_io_time_seconds_total")
    until("the disk is idle", lambda: found.value("max(rate(node_disk_io_time_seconds_total[5m]))") == 0)
    # below what it was: a counter that starts anew, and nothing to be added up
    exporters.disk_io(running.machine, 900_000)


fault(
    "node-disk-busy", "the nodes' disks are busy all the time", expect(metrics_node_disk_io="CRITICAL"), _io, _io_calm
)


def _fill(running: Running) -> None:
    metrics(running)
    base = (running.machine.volume / "base").stat().st_size
    host.fill(running.machine.volume / "node-filler", int(host.VOLUME_BYTES * 0.96) - base)
    fires("DiskSpaceLow")(running)


def _many_files(running: Running) -> None:
    metrics(running)
    folder = running.machine.volume / "node-files"
    folder.mkdir()
    for number in range(int(host.VOLUME_INODES * 0.92)):
        (folder / str(number)).touch()
    scraped(running)


def _empty(running: Running) -> None:
    (running.machine.volume / "node-filler").unlink(missing_ok=True)
    folder = running.machine.volume / "node-files"
    if folder.is_dir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    well(running)


fault(
    "node-disk-full",
    "the nodes' disks are 96 % full, and with them a log's",
    {
        **expect(metrics_node_disk="CRITICAL", alerts_firing="CRITICAL"),
        "capacity-disk@pgdata": "CRITICAL",
        "logs-disk-free@worker": "CRITICAL",
    },
    _fill,
    _empty,
    P,
    A,
    "host",
    "logs",
)
fault(
    "node-inodes-full",
    "the nodes' disks have hardly an inode left",
    {**expect(metrics_node_inodes="CRITICAL"), "capacity-disk-inodes@pgdata": "CRITICAL"},
    _many_files,
    _empty,
    P,
    A,
    "host",
)
