"""How a throw-away server is set up: reached by nobody, quick, forgetful; and what this machine can spare for it."""

import os
from pathlib import Path

from checks.engine.probes.backup.memory import available


def settings(folder: Path, database_bytes: int | None, jobs: int = 2) -> dict[str, str]:
    """Return the settings of a throw-away server in `folder`, for a database of so many bytes and so many jobs."""
    memory = available()
    # Helpers of one job only where a processor would idle beside the jobs: else they cost more than they bring.
    helpers = str(min(4, max(0, (os.cpu_count() or 1) // max(1, jobs) - 1)))
    shared = min(1 << 30, max(128 << 20, memory // 16))
    maintenance = min(1 << 30, max(64 << 20, memory // 32))
    wal = min(8 << 30, max(1 << 30, database_bytes or (4 << 30)))
    return {
        # Nobody else reaches it, and it reaches nobody.
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "unix_socket_permissions": "0700",
        "port": "5432",
        # Nothing of it is left outside its folder.
        "dynamic_shared_memory_type": "mmap",
        "huge_pages": "off",
        # What a dump brings along does not run by itself.
        "shared_preload_libraries": "",
        "session_preload_libraries": "",
        "local_preload_libraries": "",
        "autovacuum": "off",
        "archive_mode": "off",
        "max_logical_replication_workers": "0",
        "max_wal_senders": "0",
        "max_connections": "24",
        # What it prints names no row and no statement.
        "log_destination": "stderr",
        "logging_collector": "off",
        "log_error_verbosity": "terse",
        "log_min_messages": "fatal",
        "log_min_error_statement": "panic",
        "log_statement": "none",
        "log_checkpoints": "off",
        "update_process_title": "off",
        "track_activities": "off",
        # It need not survive anything.
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "wal_level": "minimal",
        "checkpoint_timeout": "1h",
        "max_wal_size": f"{wal >> 20}MB",
        "shared_buffers": f"{shared >> 20}MB",
        "maintenance_work_mem": f"{maintenance >> 20}MB",
        "work_mem": "64MB",
        "jit": "off",
        "max_parallel_maintenance_workers": helpers,
        "max_parallel_workers_per_gather": helpers,
    }


def is_memory(path: Path) -> bool:
    """Whether a folder lies on tmpfs (or ramfs), by the longest mount point above it."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text("utf-8").splitlines()]
        place = path.resolve()
    except OSError:
        return False
    holding = [(len(m[1]), m[2]) for m in mounts if place == Path(m[1]) or Path(m[1]) in place.parents]
    return max(holding, default=(0, ""))[1] in {"tmpfs", "ramfs"}
