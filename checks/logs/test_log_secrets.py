"""Secrets and personal data in logs: how many lines, of what kind, and where the first is; never the text."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.logs import LogsSecrets, untold


@pytest.mark.guide("logs.secrets")
@pytest.mark.profiles("nightly")
def test_logs_secrets(logs_secrets: LogsSecrets, judged: Judge) -> None:
    """No secret, and nobody's e-mail address, telephone number or CPF, is in the last minutes of the log."""
    found = tuple(
        f"{one.kind}: {one.lines} lines, the first in {one.file} at byte {one.position}" for one in logs_secrets.exposed
    )
    if found:
        kinds = ", ".join(one.kind for one in logs_secrets.exposed)
        judged.critical(f"holds {kinds} in {sum(one.lines for one in logs_secrets.exposed)} lines", found)
    if logs_secrets.unread:
        judged.unknown(untold(logs_secrets.unread))
    if logs_secrets.lines == 0:
        judged.not_judged(
            "nothing was logged in the last minutes"
            if logs_secrets.complete
            else "none of the last minutes could be read"
        )
    expected = tuple(f"{name}: {count} lines (expected)" for name, count in logs_secrets.expected)
    expected += (f"{logs_secrets.own} requests of this suite, left out",) if logs_secrets.own else ()
    part = "" if logs_secrets.complete else f" (the newest {logs_secrets.read / 2**20:.0f} MiB)"
    judged.ok(f"nothing in {logs_secrets.lines} lines{part}", expected)
