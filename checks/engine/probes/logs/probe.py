"""Reads one log on this host; each reading opens the files by itself, so that one that fails costs no other."""

import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

from checks.engine.environment.monitoring import Log, Logs
from checks.engine.model import NotJudged, ProbeError, Reading, Reason
from checks.engine.probes import Context
from checks.engine.probes.api.client import NoAnswer
from checks.engine.probes.logs.canary import canary
from checks.engine.probes.logs.files import listed, mode
from checks.engine.probes.logs.rotation import rotation
from checks.engine.probes.logs.secrets import secrets
from checks.engine.probes.logs.tail import tail

TAIL_SECONDS = 3.0
SECRETS_SECONDS = 4.0


def read(context: Context) -> None:
    """Settle every name of `context.names` for one log."""
    settings = context.environment.logs
    log = next((one for one in (settings.targets if settings else ()) if one.name == context.target.name), None)
    if settings is None or log is None:
        raise ProbeError(Reason.OURS, f"the environment file has no log {context.target.name}")
    readings = _readings(context, settings, log)
    for name in context.names:
        try:
            context.settle(name, readings[name]())
        except ProbeError as error:
            context.settle(name, error)
        except NoAnswer as error:
            context.settle(name, ProbeError(Reason.NO_DATA, f"the index does not answer: {error}"))
        except OSError as error:
            why = "its files may not be read" if isinstance(error, PermissionError) else "its files cannot be read"
            context.settle(name, ProbeError(Reason.OURS, why, "Run as a user that may read the log."))


def _readings(context: Context, settings: Logs, log: Log) -> dict[str, Callable[[], Reading | NotJudged]]:
    zone = ZoneInfo(settings.timezone)

    def until(seconds: float) -> float:
        return time.monotonic() + context.remaining(seconds)

    return {
        "logs_files": lambda: listed(log),
        "logs_mode": lambda: mode(log),
        "logs_tail": lambda: tail(log, zone, settings.window, until(TAIL_SECONDS), time.time()),
        "logs_secrets": lambda: secrets(log, zone, settings.window, until(SECRETS_SECONDS), time.time()),
        "logs_rotation": lambda: (
            NotJudged("the environment file names no rotation for it")
            if log.rotation is None
            else rotation(log, log.rotation, zone, time.time())
        ),
        "logs_canary": lambda: _canary(context, log, zone),
    }


def _canary(context: Context, log: Log, zone: ZoneInfo) -> Reading | NotJudged:
    index = context.environment.elasticsearch
    if index is None or not log.canary:
        return NotJudged("the environment file names no index, or does not set canary for this log")
    return canary(context, log, index, zone)
