"""A host's memory, handles and processes; no argument of a process is ever shown."""

from pathlib import Path

import pytest

from checks.engine.model import NotJudged, ProbeError
from checks.engine.probes import procfs
from checks.engine.readings.host import HostCounters, HostGrowth, HostStrain, HostWorkers, host_growth, host_strain
from lab.host import Host


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    host = Host(tmp_path)
    host.procfs.mkdir()
    host.remember(available=0.25)
    host._write()
    return host.procfs


def test_memory_and_the_largest_processes(folder: Path) -> None:
    found = procfs.memory(folder)

    assert found.available_ratio == pytest.approx(0.25)
    assert found.swap_ratio == pytest.approx(0.01, abs=0.001)
    (folder / "meminfo").write_text("MemTotal: 4 kB\nMemAvailable: 1 kB\nSwapTotal: 0 kB\n")
    assert procfs.memory(folder).swap_ratio is None
    assert found.culprits[0].startswith("pid 101 postgres: 156 MiB, for ")
    assert found.culprits[-1].startswith("pid 104 (a name that is not shown): ")
    assert "MARCADA" not in repr(found)


def test_workers_by_their_name(folder: Path) -> None:
    assert [pid for pid, _ in sorted(procfs.workers(folder, "hypnotoad").sizes)] == [102, 103]
    with pytest.raises(ProbeError, match="no process is called morbo"):
        procfs.workers(folder, "morbo")


def test_this_machine_can_be_read() -> None:
    here = Path("/proc")

    assert 0 < procfs.memory(here).available_ratio < 1
    assert procfs.counters(here).total > 0
    assert procfs.handles(here).files_ratio >= 0


def test_what_is_no_procfs_is_ours_to_mend(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="cannot be read"):
        procfs.memory(tmp_path)


def counters(boot: float, **changes: float) -> HostCounters:
    values: dict[str, object] = {"oom_kills": 1, "iowait": 10.0, "steal": 5.0, "total": 1000.0, "boot": boot}
    return HostCounters(**{**values, **changes}, source="t", sampled_at=0.0)  # type: ignore[arg-type]


def test_strain_is_what_happened_between() -> None:
    found = host_strain(counters(1), counters(1, oom_kills=3, iowait=30, steal=5, total=1100))

    assert isinstance(found, HostStrain)
    assert (found.oom_kills, found.iowait_ratio, found.steal_ratio) == (2, 0.2, 0)


def test_a_restart_in_between_is_no_strain() -> None:
    assert isinstance(host_strain(counters(1), counters(2, total=5)), NotJudged)


def workers(at: float, *sizes: tuple[int, int]) -> HostWorkers:
    return HostWorkers(sizes=sizes, source="t", sampled_at=at)


def test_only_workers_that_live_on_are_compared() -> None:
    found = host_growth(workers(0, (1, 100), (2, 100), (3, 900)), workers(7200, (1, 200), (2, 110), (4, 5000)))

    assert isinstance(found, HostGrowth)
    assert found.growth == pytest.approx(0.55)
    assert (found.workers, found.over) == (2, 7200)
    assert isinstance(host_growth(workers(0, (1, 100)), workers(7200, (2, 100))), NotJudged)
