"""A restore takes no more memory than the cgroup allows that a scheduler has put it into."""

from pathlib import Path

import pytest

from checks.engine.probes.backup import child, memory

MIB = 1 << 20


def _level(folder: Path, limit: str, used: int, reclaimable: int, names: tuple[str, str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {reclaimable}\n")


NEW = ("memory.max", "memory.current", "inactive_file")
OLD = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def _own(tmp_path: Path, text: str) -> Path:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(text)
    return tmp_path / "proc"


def test_the_tightest_level_above_us_counts(tmp_path: Path) -> None:
    proc, mount = _own(tmp_path, "0::/a.slice/b.service\n"), tmp_path / "cgroup"
    _level(mount / "a.slice/b.service", "max", 10 * MIB, 0, NEW)
    _level(mount / "a.slice", str(100 * MIB), 60 * MIB, 20 * MIB, NEW)
    assert memory.allowance(proc, mount) == 60 * MIB
    _level(mount / "a.slice/b.service", str(30 * MIB), 40 * MIB, 0, NEW)
    assert memory.allowance(proc, mount) == 0


def test_a_container_sees_its_own_level_as_the_mount(tmp_path: Path) -> None:
    """Its path is that of the host."""
    proc, mount = _own(tmp_path, "9:name=systemd:/x\n4:cpu,memory:/docker/abc\n0::/\n"), tmp_path / "cgroup"
    _level(mount / "memory", str(512 * MIB), 100 * MIB, 0, OLD)
    assert memory.allowance(proc, mount) == 412 * MIB


@pytest.mark.parametrize("limit", ["max", "9223372036854771712", "rubbish"])
def test_without_a_limit_the_kernel_alone_tells(tmp_path: Path, limit: str) -> None:
    proc, mount = _own(tmp_path, "4:memory:/\n0::/\n"), tmp_path / "cgroup"
    _level(mount / "memory", limit, 1, 0, OLD)
    _level(mount, limit, 1, 0, NEW)
    assert memory.allowance(proc, mount) is None
    assert memory.allowance(tmp_path / "nowhere", mount) is None


def test_this_machine_has_some_memory() -> None:
    assert memory.available() > 64 * MIB


def test_it_is_said_what_a_restore_is_bounded_by() -> None:
    assert child.bounds(0) == "nothing but its settings"
    assert child.bounds(10).startswith("nice")
