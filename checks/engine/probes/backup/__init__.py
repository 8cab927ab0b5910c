"""The backups: what lies there, and whether the newest one brings everything back.

`looking` sees the backups from outside and restores nothing; `restored` brings the newest one back into a throw-away
server of its own. The reader calls `read` in the thread of the backup target, and that thread lives as long as any
server started here.
"""

from checks.engine.probes import Context
from checks.engine.readings import READINGS


def read(context: Context) -> None:
    """Settle every reading of the backup target: first what only looks, then what restores."""
    looks = tuple(name for name in context.names if not READINGS[name].restore)
    restores = tuple(name for name in context.names if READINGS[name].restore)
    if looks:
        from checks.engine.probes.backup import looking  # noqa: PLC0415 (boto3 is loaded only where it is needed)

        looking.read(context, looks)
    if restores:
        from checks.engine.probes.backup import restored  # noqa: PLC0415 (and the restore only where it is asked for)

        restored.read(context, restores)
