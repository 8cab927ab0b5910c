"""Reads failed units and timers from systemctl(1); called by the probe of the host.

It is asked what a person without rights may ask: `list-units` and `show` of named properties, in the C locale and UTC,
each within seconds. What a unit is described as, does or has written is not asked for or not kept.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.backup import child
from checks.engine.readings.host_units import HostUnits, Timer, Waits

SYSTEM = "system"
SECONDS = 3.0  # for one question: systemd answers within milliseconds, or hangs
_MEND = "Leave systemd out under [host] where there is none; of a user's own, name its XDG_RUNTIME_DIR there."
_TIMER = (
    *("Id", "ActiveState", "SubState", "UnitFileState", "ConditionResult", "ConditionTimestamp"),
    *("Unit", "NextElapseUSecRealtime", "TimersMonotonic"),
)
_STARTED = ("Id", "ActiveState", "SubState", "InactiveExitTimestamp")
_STATES = {"active", "reloading", "inactive", "failed", "activating", "deactivating", "maintenance", "refreshing"}
_INSTANCE = re.compile(r"[0-9]{1,5}(-[a-z]{1,12})?")  # as of user@1000 and postgresql@15-main
_COLUMNS = 4
_MARKS = " *●○×↻"  # what some versions put before a unit that is not well, asked plainly or not

Ask = Callable[..., str]
Block = Mapping[str, str]


def units(manager: str, remaining: Callable[[float], float]) -> HostUnits:
    """Return what the systemd named says: "system", or the runtime folder of a user's."""
    sampled_at = time.time()

    def ask(*words: str) -> str:
        return _ask(manager, words, remaining(SECONDS))

    states = _states(ask("list-units", "--all", "--full", "--plain", "--no-legend"))
    timers = [name for name in states if name.endswith(".timer")]
    return HostUnits(
        loaded=len(states),
        failed=tuple(shown(name) for name, state in states.items() if state == "failed" and name not in timers),
        timers=tuple(_timers(ask, timers, sampled_at)) if timers else (),
        source="systemctl",
        sampled_at=sampled_at,
    )


def shown(name: str) -> str:
    """Return the name of a unit, without an instance that may be anything: an address, a person's name."""
    prefix, at, rest = name.partition("@")
    instance, dot, kind = rest.rpartition(".")
    return name if at == "" or _INSTANCE.fullmatch(instance) else f"{prefix}@…{dot}{kind}"


def _ask(manager: str, words: Iterable[str], seconds: float) -> str:
    program = shutil.which("systemctl")
    if program is None:
        raise ProbeError(Reason.OURS, "this host has no systemctl", _MEND)
    whose = ("--system",) if manager == SYSTEM else ("--user",)
    variables = {} if manager == SYSTEM else {"XDG_RUNTIME_DIR": manager}
    ended = child.run((program, *whose, "--no-pager", "--no-ask-password", *words), seconds, variables=variables)
    if ended.timed_out:
        raise ProbeError(
            Reason.TIMEOUT, f"systemd did not answer within {seconds:.0f} s", "Look at dmesg of this host."
        )
    if ended.code != 0:
        raise ProbeError(Reason.OURS, f"systemctl reaches no systemd (exit {ended.code})", _MEND)
    return ended.stdout.decode("utf-8", "replace")


def _states(text: str) -> dict[str, str]:
    """Return the active state of each unit, from the lines `UNIT LOAD ACTIVE SUB DESCRIPTION`."""
    lines = [line.lstrip(_MARKS).split(None, _COLUMNS) for line in text.splitlines() if line.strip() != ""]
    if lines == []:
        raise ProbeError(Reason.NO_DATA, "systemd has not a single unit", _MEND)
    if any(len(line) < _COLUMNS or line[2] not in _STATES for line in lines):
        raise ProbeError(Reason.PROTOCOL, "the answer is not what systemctl(1) describes of list-units")
    return {line[0]: line[2] for line in lines}


def _timers(ask: Ask, names: list[str], now: float) -> Iterator[Timer]:
    blocks = _blocks(ask("show", "--all", _of(_TIMER), "--", *names))
    if not {block["Id"] for block in blocks} >= set(names):
        raise ProbeError(Reason.PROTOCOL, "systemctl shows fewer timers than it lists")
    running = [block["Unit"] for block in blocks if block.get("SubState") == "running" and block.get("Unit", "") != ""]
    started = {}
    if running:
        started = {block.get("Id"): block for block in _blocks(ask("show", _of(_STARTED), "--", *running))}
    for block in blocks:
        waits, since = _waits(block, started.get(block.get("Unit"), {}))
        yield Timer(shown(block["Id"]), waits, max(0.0, now - since) if since is not None else 0.0)


def _waits(timer: Block, started: Block) -> tuple[Waits, float | None]:
    """Return what a timer waits for, and since when it has been due."""
    active, sub = timer["ActiveState"], timer["SubState"]
    if active == "failed":
        return Waits.FAILED, None
    if active == "inactive":
        # A condition that is not met, as in a container, keeps a timer from starting as it should.
        skipped = timer["ConditionResult"] == "no" and timer["ConditionTimestamp"] not in {"", "n/a"}
        return Waits.STOPPED if timer["UnitFileState"].startswith("enabled") and not skipped else Waits.OFF, None
    if sub == "running":
        if started.get("ActiveState") == "activating":
            return Waits.SET, _stamp(started.get("InactiveExitTimestamp", ""))
        # What remains active after it ended is never started again.
        return Waits.NEVER if started.get("SubState") == "exited" else Waits.SET, None
    if sub == "elapsed":
        # Time since the boot comes once; time since the unit's last run comes again, unless it never ran.
        again = re.search(r"\bOnUnit(Active|Inactive)USec=", timer["TimersMonotonic"])
        return Waits.NEVER if again else Waits.SET, None
    return Waits.SET, _stamp(timer["NextElapseUSecRealtime"])


def _of(properties: Iterable[str]) -> str:
    return f"--property={','.join(properties)}"


def _blocks(text: str) -> list[dict[str, str]]:
    """Return the properties of each unit that `show` tells of; one that is told several times is put together."""
    blocks = []
    for part in text.split("\n\n"):
        block: dict[str, str] = dict.fromkeys(_TIMER, "")
        for line in part.splitlines():
            key, _, value = line.partition("=")
            block[key] = f"{block.get(key, '')} {value}".strip()
        if block["Id"] != "":
            blocks.append(block)
    return blocks


def _stamp(text: str) -> float | None:
    """Return a time as systemd writes it in UTC (`Sat 2026-11-28 00:00:00 UTC`), None for none."""
    if text in {"", "0", "n/a", "infinity"}:
        return None
    try:
        return datetime.strptime(text.split(None, 1)[1], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC).timestamp()
    except (IndexError, ValueError):
        raise ProbeError(Reason.PROTOCOL, "a time is not written as systemd.time(7) describes") from None
