"""Which faults are proven, and which of them in one run: such as cannot touch each other. Called by test_faults.py."""

from collections.abc import Iterable

from lab.faults import Fault

# what is read through a service, or compared with it: a fault of the one may be seen in the checks of the other
_SEEN_IN = {
    "postgresql": {"minion", "application", "cron", "backup", "api"},
    "redis": {"api", "cron", "emergency"},
    "s3": {"api", "backup"},
    # a backup without a manifest is compared with what is live
    "minion": {"api", "cron", "backup"},
    "application": {"backup"},
    "host": {"prometheus"},
    "logs": {"elasticsearch", "prometheus"},
    "prometheus": {"alertmanager"},
    "alertmanager": {"prometheus"},
}
# faults that only leave something to be found, each something else: they do not touch each other
_QUIET = {
    "postgresql": (
        *("postgresql-migration", "postgresql-index", "postgresql-foreign", "postgresql-constraints"),
        *("postgresql-sequence", "postgresql-extension", "postgresql-collation", "postgresql-table-unlogged"),
        *("postgresql-superuser", "postgresql-password-ends", "postgresql-public-schema", "postgresql-role-without"),
        "postgresql-sessions-expired",
    ),
    "minion": ("minion-",),
    "application": ("silent-", "mail-", "media-", "emptied-messages", "emptied-users", "uploads-"),
    "cron": ("cron-",),
    "host": ("cpu-", "disk-", "inodes-", "memory-", "oom-", "handles-", "workers-", "unit-", "timer-"),
}
# but for those that make something of the same name, or write the same file
_SAME = (
    ("postgresql-sequence", "postgresql-table-unlogged", "postgresql-index-", "vacuum-"),
    ("postgresql-superuser", "postgresql-password-ends"),
    ("memory-", "oom-", "handles-", "workers-"),
    ("minion-no-worker", "minion-worker-restarted"),
    ("emptied-users", "uploads-"),  # what comes up needs a user that it is of
    ("uploads-", "media-"),  # of what comes up the newest has no address
)
_MOST = 8
_NETWORK = ("-refused", "-hangs", "-slow", "-cut", "-rubbish")
_OFTEN = (
    *(f"postgresql-primary{how}" for how in _NETWORK),
    "postgresql-replica1-hangs",
    "redis-cache-rubbish",
    "s3-media-cut",
    "api2-refused",
    "backup-postgresql-refused",
    "network-slow",
    "job-queue-delayed",
    "postgresql-role-blind",
    "redis-info-denied",
)


def enough(faults: Iterable[Fault]) -> list[Fault]:
    """Return so many faults that every check is seen to fail by one of them, and what the network does most often."""
    every = [fault for fault in faults if not fault.slow]
    chosen = [fault for fault in every if fault.name in _OFTEN]
    left = set[str]().union(*(_ids(fault) for fault in every))
    while left:
        best = max(every, key=lambda fault: len(_ids(fault) & left))
        chosen += [best] if best not in chosen else []
        left -= _ids(best)
    return [fault for fault in every if fault in chosen]


def batches(faults: Iterable[Fault]) -> list[tuple[Fault, ...]]:
    """Put faults together of which none touches what another is seen in."""
    made: list[list[Fault]] = []
    # what is slow leaves much behind, in counters too: the last
    for fault in sorted(faults, key=lambda fault: (fault.slow, fault.lingers, -len(_reach(fault)), fault.services)):
        for batch in made:
            apart = all(_apart(fault, other) for other in batch)
            # what lingers costs two pauses: those together
            alike = (batch[0].lingers, batch[0].slow) == (fault.lingers, fault.slow)
            if apart and len(batch) < _MOST and alike:
                batch.append(fault)
                break
        else:
            made.append([fault])
    return [tuple(batch) for batch in made]


def _ids(fault: Fault) -> set[str]:
    """Return the checks, without their targets, that the fault makes fail rather than blind."""
    return {key.partition("@")[0] for key, state in fault.expect.items() if state in {"WARNING", "CRITICAL"}}


def _apart(one: Fault, other: Fault) -> bool:
    if _reach(one).isdisjoint(_reach(other)):
        return True
    quiet = any(one.name.startswith(names) and other.name.startswith(names) for names in _QUIET.values())
    same = any(one.name.startswith(names) and other.name.startswith(names) for names in _SAME)
    blind = "UNKNOWN" in {*one.expect.values(), *other.expect.values()}
    return quiet and not same and not blind and one.expect.keys().isdisjoint(other.expect)


def _reach(fault: Fault) -> set[str]:
    return set(fault.services).union(*(_SEEN_IN.get(service, set()) for service in fault.services))
