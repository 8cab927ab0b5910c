"""Annotations and the step summary of GitHub Actions; a public repository's are public.

So they hold ids and states only, unless the environment allows detail.
"""

import re
from pathlib import Path

from checks.engine.model import Run, State
from checks.engine.report.findings import Finding, findings
from checks.engine.report.headline import headline
from checks.engine.report.text import escape, one_line
from checks.engine.report.words import Words

_MOST = 10  # GitHub shows ten annotations of a kind in a step and drops the rest
_ROWS = 200
_MESSAGE = 300
_MARKDOWN = re.compile(r"[\\`*_{}\[\]()#+!|~@:/]")


def annotations(run: Run, *, detail: bool) -> list[str]:
    """Return the workflow commands to print: an error for CRITICAL and UNKNOWN, a warning for WARNING."""
    words = Words(run.language)
    lines: dict[str, list[str]] = {"error": [], "warning": []}
    for finding in findings(run.results):
        result = finding.result
        kind = "warning" if result.state is State.WARNING else "error"
        title = f"{words.state(result.state)} {result.key}"
        text = one_line(result.message, _MESSAGE) if detail else title
        lines[kind].append(f"::{kind} title={_property(one_line(title, _MESSAGE))}::{_data(one_line(text, _MESSAGE))}")
    return [line for kind in lines.values() for line in kind[:_MOST]]


def step_summary(run: Run, *, detail: bool) -> str:
    """Return the Markdown of the step summary."""
    words = Words(run.language)
    found = findings(run.results)
    lines = [f"### {_markdown(headline(run, words, found))}", ""]
    if run.emergency != "":
        lines += [f"**{words.say('emergency')}**", ""]
    if found:
        columns = [words.say("state_word"), words.say("check")]
        columns += [words.say("reading"), words.say("action")] if detail else []
        lines += [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        lines += [_row(finding, words, detail=detail) for finding in found[:_ROWS]]
        if len(found) > _ROWS:
            lines += ["", words.many("more_left_out", len(found) - _ROWS)]
    return "\n".join(lines) + "\n"


def append_summary(path: Path, text: str) -> None:
    """Append to the file that GITHUB_STEP_SUMMARY names; raise OSError."""
    with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


def _row(finding: Finding, words: Words, *, detail: bool) -> str:
    result = finding.result
    check = _markdown(result.key)
    if finding.blocked:
        check += f" ({words.many('blocks', len(finding.blocked))})"
    cells = [words.state(result.state), check]
    cells += [_markdown(result.message), _markdown(result.action)] if detail else []
    return f"| {' | '.join(cells)} |"


def _markdown(text: str) -> str:
    """Return text that Markdown shows as it is: each sign with a meaning becomes its entity."""
    kept = escape(text, _MESSAGE).replace("&#", "\0")  # no NUL is left by `escape`
    return _MARKDOWN.sub(lambda found: f"&#{ord(found.group())};", kept).replace("\0", "&#")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
