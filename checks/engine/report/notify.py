"""Notifications through apprise (an optional extra): on change of state, and every day while something is CRITICAL.

What was last said is kept beside the runs, per profile; a message that did not leave is said again by the next run.
"""

import importlib
import json
import logging
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from checks.engine.model import Run, State
from checks.engine.records import dataclass
from checks.engine.report.findings import findings
from checks.engine.report.folder import write_atomic
from checks.engine.report.headline import split_headline
from checks.engine.report.text import one_line
from checks.engine.report.words import Words

AGAIN_AFTER = 24 * 3600.0
_LINES = 20
_MESSAGE = 300


class NotifyError(OSError):
    """A notification that did not leave; holds our words only."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Said:
    """What was last said of one profile: when, the verdict, and the state of each root finding."""

    at: float
    verdict: str
    states: dict[str, str]


def due(run: Run, before: Said | None) -> bool:
    """Whether this run must be told: something changed, or it is CRITICAL and the last word is a day old."""
    now = said(run)
    if before is None:
        return run.verdict is not State.OK
    if (now.verdict, now.states) != (before.verdict, before.states):
        return True
    return run.verdict is State.CRITICAL and run.finished - before.at >= AGAIN_AFTER


def said(run: Run) -> Said:
    """Return what telling this run would say; what is blocked is not a state of its own."""
    states = {finding.result.key: finding.result.state.value for finding in findings(run.results)}
    return Said(run.finished, run.verdict.value, states)


def message(run: Run, before: Said | None, *, detail: bool) -> Message:
    """Return the message: ids and states only, unless `detail` is allowed."""
    words = Words(run.language)
    word, counted = split_headline(run, words)
    title = words.say("notify_title", environment=one_line(run.environment, _MESSAGE), verdict=word)
    had = {} if before is None else before.states
    lines = [counted]
    if run.emergency != "":
        lines.append(words.say("emergency"))
    found = findings(run.results)
    for finding in found[:_LINES]:
        result = finding.result
        new = f" ({words.say('new')})" if had.get(result.key) != result.state.value else ""
        lines.append(f"{words.state(result.state)} {result.key}{new}")
        if detail:
            lines += [f"  {text}" for text in (result.message, result.action) if text != ""]
    if len(found) > _LINES:
        lines.append(words.many("more_left_out", len(found) - _LINES))
    now = said(run).states
    gone = [key for key in had if key not in now]
    lines += [f"{words.state(State.OK)} {key}" for key in gone[:_LINES]]
    return Message(title, "\n".join(one_line(line, _MESSAGE) for line in lines))


def test_message(environment: str, language: str) -> Message:
    """Return what `--notify-test` sends."""
    words = Words(language)
    return Message(words.say("notify_title", environment=environment, verdict="test"), words.say("notify_test"))


def send(urls: Sequence[str], what: Message) -> None:
    """Send a message to every URL (secrets, all of them); raise NotifyError when one did not take it."""
    for library in ("apprise", "urllib3"):  # both log URLs
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    with warnings.catch_warnings(action="ignore"):  # of what apprise itself uses
        try:
            apprise: Any = importlib.import_module("apprise")
        except ImportError:
            raise NotifyError(None, "apprise is not installed: pip install apprise") from None
        sender = apprise.Apprise()
        if len(urls) == 0 or not all(sender.add(url) for url in urls):
            raise NotifyError(None, "a notification URL is not one that apprise understands")
        if not sender.notify(title=what.title, body=what.body, body_format="text"):
            raise NotifyError(None, "a notification was not taken")


def tell(run: Run, urls: Sequence[str], home: Path, *, detail: bool) -> None:
    """Send what is due and remember it; raise OSError when it did not leave or cannot be remembered."""
    path = home / f"notified-{run.profile or 'all'}.json"
    before = _read(path)
    if due(run, before):
        send(urls, message(run, before, detail=detail))
        write_atomic(path, json.dumps(asdict(said(run)), ensure_ascii=True))
    elif before is None:
        write_atomic(path, json.dumps(asdict(said(run)), ensure_ascii=True))


def _read(path: Path) -> Said | None:
    """Return what was last said; a file that cannot be read is as good as none: it is said again."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return Said(float(table["at"]), str(table["verdict"]), dict(table["states"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
