"""The probe of the host: a procfs and a file system as they really are, and made ones for what they seldom are."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from checks.engine.environment import Environment
from checks.engine.model import NotJudged, ProbeError, Reading, Reason, Target
from checks.engine.probes import host
from checks.engine.readings.host import HostCounters, HostCpu, HostCpuTimes, HostDisk, host_cpu, host_strain
from tests.probes.context import Kept

STAT = "cpu  100 20 30 800 50 0 0 0 7 3\ncpu0 100 20 30 800 50 0 0 0 7 3\nctxt 1\nbtime 1700000000\n"


def read(name: str, kind: str = "host", *, procfs: str = "/proc", path: str = "/") -> Reading | ProbeError | NotJudged:
    table = {"name": "t", "host": {"name": "db1", "procfs": procfs, "mounts": [{"name": "data", "path": path}]}}
    target = Target("host", "db1" if kind == "host" else "data", kind)
    kept = Kept(Environment.model_validate(table), target, (name,))
    host.read(kept)
    return kept.outcomes[name]


def test_this_host_has_used_some_of_its_time() -> None:
    times = read("host_cpu_times")
    assert isinstance(times, HostCpuTimes)
    assert 0 < times.busy < times.total
    assert times.boot > 1_000_000_000


def test_time_that_waits_for_disks_is_idle_and_guests_count_once(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(STAT)
    times = read("host_cpu_times", procfs=str(tmp_path))
    assert isinstance(times, HostCpuTimes)
    hertz = os.sysconf("SC_CLK_TCK")
    assert times.total * hertz == 1000
    assert times.busy * hertz == 150
    assert times.boot == 1700000000


def test_two_readings_give_the_share_between_them(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(STAT)
    earlier = read("host_cpu_times", procfs=str(tmp_path))
    (tmp_path / "stat").write_text(STAT.replace("cpu  100", "cpu  190").replace(" 800 ", " 810 "))
    later = read("host_cpu_times", procfs=str(tmp_path))
    assert isinstance(earlier, HostCpuTimes)
    assert isinstance(later, HostCpuTimes)
    share = host_cpu(earlier, later)
    assert isinstance(share, HostCpu)
    assert share.busy_ratio == pytest.approx(0.9)


def test_time_that_stands_still_is_unknown_and_time_that_began_anew_is_not() -> None:
    one = HostCpuTimes(busy=10.0, total=100.0, boot=1.0, source="t", sampled_at=0.0)
    with pytest.raises(ProbeError, match="stood still"):
        host_cpu(one, replace(one, sampled_at=9.0))
    assert isinstance(host_cpu(one, replace(one, total=9.0, sampled_at=9.0)), NotJudged)
    assert isinstance(host_cpu(one, replace(one, boot=2.0, sampled_at=9.0)), NotJudged)
    strain = HostCounters(oom_kills=0, iowait=1.0, steal=0.0, total=100.0, boot=1.0, source="t", sampled_at=0.0)
    with pytest.raises(ProbeError, match="stood still"):
        host_strain(strain, replace(strain, sampled_at=9.0))


@pytest.mark.parametrize("text", ["", "cpu  1 2\n", STAT.replace("btime", "time"), STAT.replace("800", "x")])
def test_another_stat_is_no_reading(tmp_path: Path, text: str) -> None:
    (tmp_path / "stat").write_text(text)
    error = read("host_cpu_times", procfs=str(tmp_path))
    assert isinstance(error, ProbeError)
    assert error.reason is Reason.PROTOCOL


def test_a_missing_procfs_is_our_own_fault(tmp_path: Path) -> None:
    error = read("host_cpu_times", procfs=str(tmp_path / "gone"))
    assert isinstance(error, ProbeError)
    assert (error.reason, error.mend) == (Reason.OURS, "Set procfs under [host].")


def test_a_file_system_is_counted_as_df_does(tmp_path: Path) -> None:
    disk = read("host_disk", "mount", path=str(tmp_path))
    assert isinstance(disk, HostDisk)
    found = os.statvfs(tmp_path)
    assert disk.size == found.f_blocks * found.f_frsize
    assert 0 <= disk.used_ratio <= 1
    assert 0 < disk.available <= disk.size


def test_a_path_that_is_not_there_is_our_own_fault(tmp_path: Path) -> None:
    error = read("host_disk", "mount", path=str(tmp_path / "gone"))
    assert isinstance(error, ProbeError)
    assert error.reason is Reason.OURS


def test_a_file_system_without_size_is_no_data() -> None:
    error = read("host_disk", "mount", path="/proc")
    assert isinstance(error, ProbeError)
    assert error.reason is Reason.NO_DATA
