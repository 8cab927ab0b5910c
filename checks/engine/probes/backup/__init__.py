"""The backups: what lies there, and whether the newest one brings everything back.

`looking` sees the backups from outside and restores nothing; `restored` brings the newest one back into a throw-away
server of its own. The reader calls `read` in the thread of the backup target, and that thread lives as long as any
server started here.
"""

from typing import TYPE_CHECKING

from checks.engine.model import ProbeError
from checks.engine.probes import Context
from checks.engine.readings import READINGS

if TYPE_CHECKING:
    from checks.engine.probes.backup.inventory import Visit

NEWEST = "backup_newest"  # reads the newest backup to its end: of the file that a restore fetches, where there is one


def read(context: Context) -> None:
    """Settle every reading of the backup target: first what only looks, then what restores."""
    restores = tuple(name for name in context.names if READINGS[name].restore)
    late = tuple(name for name in context.names if name == NEWEST and restores)
    looks = tuple(name for name in context.names if name not in {*restores, *late})
    backup = context.environment.backup
    assert backup is not None  # noqa: S101 (its target is there)
    from checks.engine.probes.backup.inventory import Visit  # noqa: PLC0415 (only where there are backups)

    visit = Visit(backup)
    _look(context, looks, visit)
    if restores and NEWEST not in _restore(context, restores, late, visit):
        _look(context, late, visit)


def _look(context: Context, names: tuple[str, ...], visit: "Visit") -> None:
    if names:
        from checks.engine.probes.backup import looking  # noqa: PLC0415 (boto3 is loaded only where it is needed)

        looking.read(context, names, visit)


def _restore(context: Context, names: tuple[str, ...], late: tuple[str, ...], visit: "Visit") -> frozenset[str]:
    from checks.engine.probes.backup import restored  # noqa: PLC0415 (and the restore only where it is asked for)

    try:
        return restored.read(context, (*names, *late), visit)
    except ProbeError as error:
        for name in names:
            context.settle(name, error)
        return frozenset()
