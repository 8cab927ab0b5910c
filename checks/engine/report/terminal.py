"""The end of the terminal's output: what is not OK, worst first, the verdict, what to do, where the reports are.

Called by the plugin with the width of the terminal and whether it shows colour; returns lines, prints nothing.
"""

import textwrap

from checks.engine.model import Run, State
from checks.engine.report.findings import Finding, findings, new_findings
from checks.engine.report.headline import compared, headline
from checks.engine.report.text import one_line
from checks.engine.report.words import Words

_CODES = {
    State.OK: "32",
    State.WARNING: "33",
    State.CRITICAL: "1;31",
    State.UNKNOWN: "35",
    State.WAIVED: "31",
    State.NOT_JUDGED: "36",
    State.NOT_COVERED: "36",
}
_NARROWEST = 40
_MESSAGE = 700
_EVIDENCE = 5


def verdict(
    run: Run, width: int, colour: bool, *, reports: str = "", evidence: bool = False, baseline: Run | None = None
) -> list[str]:
    """Return the lines, none wider than `width` (a word that is wider stands alone); ANSI codes only with `colour`.

    `reports` says where the files are; `evidence` adds what was seen, for triage; `baseline` is compared with.
    """
    words = Words(run.language)
    paint = _Paint(colour)
    width = max(width, _NARROWEST)
    found = findings(run.results)
    lines: list[str] = []
    if run.emergency != "":
        text = f"{words.say('emergency')}: {one_line(run.emergency, _MESSAGE)}"
        lines += [paint.bold(line) for line in _wrap(text, width, "")] + [""]
    new = set() if baseline is None else {result.key for result in new_findings(run, baseline)}
    for finding in found:
        lines += _finding(finding, words, width, paint, evidence=evidence, new=finding.result.key in new)
    lines += [paint.state(line, run.verdict) for line in _wrap(one_line(headline(run, words, found)), width, "  ")]
    if baseline is not None:
        lines += _wrap(one_line(compared(run, baseline, words)), width, "  ")
    lines += _wrap(_first_step(found, words, run.verdict), width, "  ")
    if reports != "":
        lines.append(f"{words.say('reports')}: {reports}")
    return lines


def _finding(finding: Finding, words: Words, width: int, paint: "_Paint", *, evidence: bool, new: bool) -> list[str]:
    result = finding.result
    state = words.state(result.state)
    head = f"{state} {one_line(result.key)}{', ' + words.say('new') if new else ''}"
    if finding.blocked:
        head += f" ({words.many('blocks', len(finding.blocked))})"
    first, *rest = _wrap(head, width, "  ")
    lines = [first.replace(state, paint.state(state, result.state), 1), *rest]
    lines += _wrap(one_line(result.message, _MESSAGE), width, "    ", first="    ")
    if result.action != "":
        lines += _wrap(f"→ {one_line(result.action, _MESSAGE)}", width, "      ", first="    ")
    if evidence:
        for item in result.evidence[:_EVIDENCE]:
            lines += _wrap(f"· {one_line(item, _MESSAGE)}", width, "      ", first="    ")
    return [*lines, ""]


def _first_step(found: tuple[Finding, ...], words: Words, verdict: State) -> str:
    """The action of the first finding that has one: a tired person does one thing at a time."""
    if not found:
        return words.say("nothing_to_do" if verdict is not State.UNKNOWN else "select_more")
    what = next((f"{f.result.action} ({f.result.key})" for f in found if f.result.action != ""), None)
    step = words.say("start_with", key=found[0].result.key) if what is None else what
    return f"{words.say('what_to_do')}: {one_line(step, _MESSAGE)}"


def _wrap(text: str, width: int, indent: str, first: str = "") -> list[str]:
    lines = textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return lines or [""]


class _Paint:
    """ANSI codes, or none."""

    __slots__ = ("_on",)

    def __init__(self, on: bool) -> None:
        self._on = on

    def state(self, text: str, state: State) -> str:
        return self._code(text, _CODES[state])

    def bold(self, text: str) -> str:
        return self._code(text, "1;31")

    def _code(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._on else text
