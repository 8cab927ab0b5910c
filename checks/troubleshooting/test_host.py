"""What makes a host slow or kill its processes: memory, handles, growth; and what its systemd could not do.

The clock of this host has no check of its own: it is compared with each clock that answers us (s3-clock,
postgresql-clock-offset, prometheus-clock, api-health), and those of other hosts are metrics-node-clock's. What the
kernel thinks of it (adjtimex) is not asked: it calls a clock unsynchronised that a hypervisor keeps right, and says
nothing of one that follows a wrong server.
"""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.host import HostGrowth, HostHandles, HostMemory, HostStrain
from checks.engine.readings.host_units import HostUnits, Waits

HOUR = 3600.0
DAY = 86400.0
PLIGHT = {
    Waits.FAILED: "has failed",
    Waits.STOPPED: "is enabled and not started",
    Waits.NEVER: "is started and will not come again",
}


@pytest.mark.guide("troubleshooting.memory")
@pytest.mark.profiles("nightly", "triage")
def test_host_memory(host_memory: HostMemory, judged: Judge) -> None:
    """Processes can have more memory; the evidence names the largest of them."""
    judged(
        host_memory.available_ratio * 100,
        unit="%",
        subject="memory available",
        reading=host_memory,
        below=(10, 5),
        evidence=host_memory.culprits,
    )


@pytest.mark.guide("troubleshooting.memory")
@pytest.mark.profiles("nightly", "triage")
def test_host_swap(host_memory: HostMemory, judged: Judge) -> None:
    """Little of the swap is in use."""
    if host_memory.swap_ratio is None:
        judged.ok("has no swap")
        return
    judged(host_memory.swap_ratio * 100, unit="%", subject="swap used", reading=host_memory, above=(50, 80))


@pytest.mark.guide("troubleshooting.memory")
@pytest.mark.profiles("nightly", "triage")
def test_host_kills(host_strain: HostStrain, judged: Judge) -> None:
    """The kernel killed no process for want of memory since the reading before."""
    if host_strain.oom_kills > 0:
        judged.critical(f"{host_strain.oom_kills} processes were killed for want of memory: dmesg names them")
    judged.ok("no process was killed for want of memory")


@pytest.mark.guide("metrics.infrastructure")
@pytest.mark.profiles("nightly", "triage")
def test_host_handles(host_handles: HostHandles, judged: Judge) -> None:
    """There is room for more open files and connections."""
    connections = host_handles.connections_ratio or 0.0
    name = "open files" if host_handles.files_ratio >= connections else "tracked connections"
    used = max(host_handles.files_ratio, connections) * 100
    judged(used, unit="%", subject=f"{name} of what the kernel allows:", reading=host_handles, above=(80, 95))


@pytest.mark.guide("troubleshooting.memory")
@pytest.mark.profiles("nightly")
def test_host_workers_growth(host_growth: HostGrowth, judged: Judge) -> None:
    """The workers of the application do not grow: what grows for ever is a leak."""
    judged(
        host_growth.growth * 100,
        unit="%",
        subject=f"{host_growth.workers} workers grew within {host_growth.over / HOUR:.0f} h by",
        reading=host_growth,
        above=(50, 200),
    )


@pytest.mark.guide("metrics.infrastructure")
@pytest.mark.profiles("nightly", "triage")
def test_host_units(host_units: HostUnits, judged: Judge) -> None:
    """No unit of the host's systemd has failed."""
    failed = host_units.failed
    if failed:
        judged.warning(f"{len(failed)} of {host_units.loaded} units have failed: {', '.join(failed[:5])}", failed)
    judged.ok(f"none of {host_units.loaded} units has failed")


@pytest.mark.guide("cron.jobs")
@pytest.mark.profiles("nightly", "triage")
def test_host_timers(host_units: HostUnits, judged: Judge) -> None:
    """Every timer that is enabled waits for its next time, and none has been due for a day."""
    timers = [timer for timer in host_units.timers if timer.waits is not Waits.OFF]
    if timers == []:
        judged.not_judged("no timer is started or enabled")
    plights = {timer.name: PLIGHT.get(timer.waits, f"has been due for {timer.late / HOUR:.0f} h") for timer in timers}
    bad = [timer.name for timer in timers if timer.waits is not Waits.SET or timer.late > DAY]
    if bad:
        evidence = tuple(f"{name} {plights[name]}" for name in bad)
        judged.warning(f"{len(bad)} of {len(timers)} timers do not run their unit: {', '.join(evidence[:3])}", evidence)
    judged.ok(f"{len(timers)} timers wait for their next time, or what they started is at work")
