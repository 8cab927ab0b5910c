"""The cells of pytest-html's table, escaped: pytest-html itself escapes neither ids, cells, summaries nor link names.

Pure functions from a Result; the plugin's hooks call them.
"""

from collections.abc import Sequence

from checks.engine.model import Result
from checks.engine.report.findings import emergency
from checks.engine.report.text import escape
from checks.engine.report.words import Words, amount

_MESSAGE = 1_000


def header_cells(language: str = "en") -> list[str]:
    """Return the five `<th>` cells that stand in place of pytest-html's own after its first."""
    words = Words(language)
    sortable = [words.say(key) for key in ("state_word", "check", "target")]
    return [f'<th class="sortable">{escape(word)}</th>' for word in sortable] + [
        f"<th>{escape(words.say(key))}</th>" for key in ("reading", "action")
    ]


def row_cells(result: Result, language: str = "en") -> list[str]:
    """Return the five `<td>` cells of one result: state, check, target, reading with limit and message, action."""
    words = Words(language)
    return [
        f'<td class="col-state">{escape(words.state(result.state))}</td>',
        f'<td class="col-check">{escape(result.id)}</td>',
        f'<td class="col-target">{escape(result.target)}</td>',
        f'<td class="col-reading">{_reading(result, words)}</td>',
        f'<td class="col-action">{escape(result.action, _MESSAGE)}</td>',
    ]


def detail_lines(result: Result, language: str = "en") -> list[str]:
    """Return the escaped HTML lines that stand in place of pytest-html's log: title, blocked by, waiver, evidence."""
    words = Words(language)
    lines = [result.title]
    if result.blocked_by is not None:
        lines.append(words.say("blocked_one", roots=result.blocked_by))
    lines.extend(result.evidence)
    return [f"<div>{escape(line, _MESSAGE)}</div>" for line in lines if line != ""]


def _reading(result: Result, words: Words) -> str:
    parts = []
    if result.measure is not None:
        parts.append(f"<strong>{escape(amount(result.measure.value, result.measure.unit))}</strong>")
    if result.limits is not None:
        parts.append(escape(words.limits(result.limits)))
    parts.append(escape(result.message, _MESSAGE))
    return "<br>".join(part for part in parts if part != "")


def emergency_line(results: Sequence[Result], language: str = "en") -> str:
    """Return the escaped line for the top of the page while emergency mode is on; "" when it is off."""
    said = emergency(results)
    return "" if said == "" else f"<p><b>{escape(Words(language).say('emergency'))}:</b> {escape(said, _MESSAGE)}</p>"


def style() -> str:
    """Return a style that makes pytest-html's table readable: its own text is pale (2.85:1), its logs are cut off."""
    return (
        "<style>#results-table td,#results-table th,.filters,.collapse,.collapse *,a{color:#1b1d21!important}"
        ".col-result{font-weight:bold}.logwrapper .logexpander{display:none}"
        ".logwrapper{max-height:none;overflow:visible}"
        ".logwrapper .log{top:0;height:auto;min-height:0;padding:4px;white-space:normal}"
        ".logwrapper .log:empty{display:none}</style>"
    )
