"""What watches the public backend, in the whole matrix only: it has no metrics, and the rules over them are not loaded.

Faults of what it does not have are left out; those of servers, Alertmanager and nginx change what they say here too.
"""

import pytest

from tests.faults.suite import leaks
from tests.monitoring.conftest import SERVICES, Watched

TOGETHER = (
    (
        "node-memory-full",
        "node-disk-busy",
        "textfile-stale",
        "silence-over-everything",
        "alertmanager-reload-broken",
        "log-secret-of-maintenance",
    ),
    ("target-down", "receiver-refused", "log-stopped"),
    ("exporter-blind", "silence-for-a-month", "rsyslog-stopped"),
    ("rules-gone",),
    ("prometheus-refused",),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each group a test of its own."""
    if "names" in metafunc.fixturenames:
        metafunc.parametrize("names", TOGETHER, ids="+".join)


def test_healthy_public_is_green(watched_public: Watched) -> None:
    healthy = watched_public.healthy
    findings = [key for key in healthy.findings if healthy.checks[key].service in SERVICES]
    assert findings == [], healthy.explain(findings)
    assert leaks(watched_public.lab, watched_public.reports, healthy) == []


def test_faults_change_what_they_say_on_public(watched_public: Watched, names: tuple[str, ...]) -> None:
    watched_public.prove(names)
