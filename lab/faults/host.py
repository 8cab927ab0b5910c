"""What goes wrong with the database's host, and with its systemd."""

import signal

from lab import host, systemd
from lab.faults.registry import Act, Fault, register
from lab.running import Running

_CALM = host.CALM
_BYTES, _INODES = "filler", "fillers"


def _busy(share: float, **more: float) -> Act:
    def act(running: Running) -> None:
        running.machine.work(share, **more)

    return act


def _bytes(share: float) -> Act:
    def act(running: Running) -> None:
        base = (running.machine.volume / "base").stat().st_size
        host.fill(running.machine.volume / _BYTES, int(host.VOLUME_BYTES * share) - base)

    return act


def _inodes(share: float) -> Act:
    def act(running: Running) -> None:
        folder = running.machine.volume / _INODES
        folder.mkdir()
        for number in range(int(host.VOLUME_INODES * share)):
            (folder / str(number)).touch()

    return act


def _units(*words: str) -> Act:
    """Have the lab's systemd do something."""
    return lambda running: running.systemd.control(*words)


def _signal(number: signal.Signals) -> Act:
    return lambda running: running.systemd.signal(number)


def _fail(running: Running) -> None:
    running.systemd.flag.touch()
    for unit in (systemd.FAILING, systemd.MARKED):
        running.systemd.control("start", unit, failing=True)


def _succeed(running: Running) -> None:
    running.systemd.flag.unlink()
    running.systemd.control("start", systemd.FAILING, systemd.MARKED)


def _remove_file(running: Running) -> None:
    (running.machine.volume / _BYTES).unlink()


def _remove_folder(running: Running) -> None:
    folder = running.machine.volume / _INODES
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


for _state, _cpu, _disk in (("warning", 0.78, 0.77), ("critical", 0.95, 0.92)):
    register(
        Fault(
            f"cpu-{_state}",
            f"the database's processors are {_cpu:.0%} busy",
            ("host",),
            {"capacity-database-cpu@db1": _state.upper()},
            _busy(_cpu),
            _busy(_CALM),
        )
    )
    register(
        Fault(
            f"disk-{_state}",
            f"the database's disk is {_disk:.0%} full",
            ("host",),
            {"capacity-disk@pgdata": _state.upper()},
            _bytes(_disk),
            _remove_file,
        )
    )
    register(
        Fault(
            f"inodes-{_state}",
            f"{_disk:.0%} of the disk's inodes are used",
            ("host",),
            {"capacity-disk-inodes@pgdata": _state.upper()},
            _inodes(_disk),
            _remove_folder,
        )
    )
for _name, _what, _expect, _settings in (
    ("memory-low", "4 % of the memory is left", {"host-memory@db1": "CRITICAL"}, {"available": 0.04}),
    ("oom-kill", "the kernel killed a process for want of memory", {"host-kills@db1": "CRITICAL"}, {"oom_kills": 4}),
    ("swap-used", "60 % of the swap is in use", {"host-swap@db1": "WARNING"}, {"swapped": 0.6}),
    ("handles-used", "90 % of the files that may be open are", {"host-handles@db1": "WARNING"}, {"files": 0.9}),
):  # fmt: skip
    register(
        Fault(
            _name,
            _what,
            ("host",),
            _expect,
            lambda running, settings=_settings: running.machine.remember(**settings),  # type: ignore[misc]
            # what was killed stays counted
            lambda running, settings=_settings: running.machine.remember(oom_kills=settings.get("oom_kills", 3)),  # type: ignore[misc]
        )
    )
register(
    Fault(
        "workers-grow",
        "the workers of the application have doubled in size since the suite read it two hours ago",
        ("host",),
        {"host-workers-growth@db1": "WARNING"},
        lambda running: running.machine.remember(grown=2.0),
        lambda running: running.machine.remember(),
        since=("host_workers", 7200.0),
    )
)
for _name, _what, _expect, _break in (
    ("iowait-high", "the processors wait for disks", {"host-iowait@db1": "WARNING"}, _busy(_CALM, waiting=0.3)),
    ("steal-high", "the hypervisor gives time to others", {"host-steal@db1": "WARNING"}, _busy(0.4, stolen=0.4)),
):
    register(Fault(_name, _what, ("host",), _expect, _break, _busy(_CALM)))
for _name, _what, _expect, _break, _mend in (
    ("unit-failed", "two services failed", {"host-units@db1": "WARNING"}, _fail, _succeed),
    (
        "timer-stopped",
        "a timer is enabled and not started",
        {"host-timers@db1": "WARNING"},
        _units("stop", systemd.NIGHTLY),
        _units("start", systemd.NIGHTLY),
    ),
    (
        "timer-never",
        "a timer counts from the last run of a service that never ran",
        {"host-timers@db1": "WARNING"},
        _units("start", systemd.NEVER),
        _units("stop", systemd.NEVER),
    ),
    (
        "systemd-hangs",
        "systemd answers nobody",
        {"host-units@db1": "UNKNOWN", "host-timers@db1": "UNKNOWN"},
        _signal(signal.SIGSTOP),
        _signal(signal.SIGCONT),
    ),
):
    register(Fault(_name, _what, ("host",), _expect, _break, _mend))
