"""What the network does to a connection: for every target refused, hanging, slow, cut and talking rubbish."""

from lab.api_processes import NAMES
from lab.faults.expect import API, BACKUP, PRIMARY, REDIS, REPLICA, S3, all_in, at, unreachable
from lab.faults.registry import Act, Fault, register
from lab.proxy import Mode
from lab.running import SUITE_PROXIES, Running

SLOW = 0.1  # seconds a round trip: a bad line, and no finding but where round trips are what is measured
_SLOWED = {"redis-round-trip@cache": "WARNING"}

_MODES = {
    "refused": (Mode.REFUSED, "nobody listens"),
    "hangs": (Mode.HANG, "connections are accepted and never answered"),
    "slow": (Mode.SLOW, f"every round trip takes {SLOW * 1000:.0f} ms longer"),
    "cut": (Mode.CUT, "connections are closed in the middle of the first answer"),
    "rubbish": (Mode.RUBBISH, "what answers does not speak the protocol"),
}


def _agreement(component: str) -> dict[str, str]:
    # every instance says that it is well, and it does not answer us
    return all_in("CRITICAL", (f"api-agreement-{component}@{name}" for name in NAMES))


_TARGETS = {
    "postgresql-primary": (
        "primary",
        ("postgresql", "minion", "api", "application", "cron", "s3", "redis"),
        {**unreachable("postgresql-connection@primary", PRIMARY), **_agreement("database")},
    ),
    "postgresql-replica1": ("replica1", ("postgresql",), unreachable("postgresql-connection@replica1", REPLICA)),
    "redis-cache": (
        "cache",
        ("redis", "api"),
        {**unreachable("redis-connection@cache", REDIS), **_agreement("redis")},
    ),
    "s3-media": ("media", ("s3", "api"), {**unreachable("s3-connection@media", S3), **_agreement("s3")}),
    "backup-postgresql": (
        "backups",
        ("backup",),
        unreachable("backup-connection@postgresql", at("postgresql", BACKUP)),
    ),
    **{name: (name, ("api",), unreachable(f"api-connection@{name}", at(name, API))) for name in NAMES},
}


def _set(proxy: str, mode: Mode) -> Act:
    return lambda running: running.proxies.set(proxy, mode, SLOW if mode is Mode.SLOW else 0.0)


for _target, (_proxy, _services, _expect) in _TARGETS.items():
    for _suffix, (_mode, _what) in _MODES.items():
        register(
            Fault(
                f"{_target}-{_suffix}",
                f"{_target}: {_what}",
                _services,
                _expect if _mode is not Mode.SLOW else _SLOWED if _proxy == "cache" else {},
                _set(_proxy, _mode),
                _set(_proxy, Mode.PASS),
            )
        )


def _all(running: Running, mode: Mode, delay: float) -> None:
    for name in SUITE_PROXIES:
        running.proxies.set(name, mode, delay)


register(
    Fault(
        "network-slow",
        f"every round trip to every service takes {SLOW * 1000:.0f} ms longer",
        ("api", "postgresql", "redis", "s3", "backup"),
        _SLOWED,
        lambda running: _all(running, Mode.SLOW, SLOW),
        lambda running: _all(running, Mode.PASS, 0.0),
    )
)
