"""The parts of summary.html that show one result: a card, a row, a line. Everything that comes in goes out escaped."""

from collections.abc import Sequence

from checks.engine.model import Result, State
from checks.engine.report.findings import Finding
from checks.engine.report.past import Past
from checks.engine.report.summary.sparkline import sparkline
from checks.engine.report.text import escape
from checks.engine.report.words import Words, amount, when

_MESSAGE = 600
_SHORT = 160
_EVIDENCE = 8
_BLOCKED = 40
_CLASSES = {
    State.OK: "ok",
    State.WARNING: "warn",
    State.CRITICAL: "crit",
    State.UNKNOWN: "unk",
    State.NOT_JUDGED: "grey",
    State.NOT_COVERED: "grey",
    State.WAIVED: "waiv",
}


def css(state: State) -> str:
    """Return the class of a state."""
    return _CLASSES[state]


def badge(state: State, words: Words) -> str:
    """Return the word of a state on its colour."""
    return f'<b class="b {css(state)}">{escape(words.state(state))}</b>'


def key(result: Result) -> str:
    """Return `id@target`, which may break after the @ on a narrow screen."""
    return f"<code>{escape(result.id, _SHORT)}@<wbr>{escape(result.target, _SHORT)}</code>"


def card(finding: Finding, past: Past | None, words: Words, guide_url: str, *, new: bool | None) -> str:
    """Return a finding in full: reading and limit, course, since when, action, guide, evidence and what it blocks."""
    result = finding.result
    parts = [
        f'<article class="c {css(result.state)}"><h3>{badge(result.state, words)} {key(result)}</h3>',
        f"<p>{escape(result.message, _MESSAGE)}</p>",
    ]
    if result.action != "":
        parts.append(f'<p class="do"><b>{escape(words.say("action"))}:</b> {escape(result.action, _MESSAGE)}</p>')
    since = [_since(result, past, words, new=new), _guide(result, words, guide_url)]
    facts = [_reading(result, past, words), " · ".join(fact for fact in since if fact != "")]
    parts.append("".join(f'<p class="f">{fact}</p>' for fact in facts if fact != ""))
    evidence = _evidence(result, words)
    if evidence:
        items = "".join(f"<li>{escape(text, _SHORT)}" for text in evidence)
        parts.append(f"<details><summary>{escape(words.say('evidence'))}</summary><ul>{items}</ul></details>")
    if finding.blocked:
        parts.append(_blocked(finding, words))
    return "".join(parts) + "</article>\n"


def row(finding: Finding, words: Words) -> str:
    """Return a finding on one line, for those that are too many for cards."""
    result = finding.result
    blocks = f" ({escape(words.many('blocks', len(finding.blocked)))})" if finding.blocked else ""
    return f"<li>{badge(result.state, words)} {key(result)} {escape(result.message, _SHORT)}{blocks}\n"


def passed(result: Result, words: Words) -> str:
    """Return a passed check with its reading on one line."""
    if result.measure is not None and result.measure.value is not None:
        shown = escape(amount(result.measure.value, result.measure.unit), _SHORT)
        limits = "" if result.limits is None else f" <small>{escape(words.limits(result.limits))}</small>"
        return f"<li>{key(result)} {shown}{limits}\n"
    return f"<li>{key(result)} <small>{escape(result.title or result.message, _SHORT)}</small>\n"


def group(results: Sequence[Result], words: Words) -> str:
    """Return results that were not judged for one and the same reason: the reason, and the checks folded under it."""
    first = results[0]
    if len(results) == 1:
        return line(first, words)
    items = "".join(f"<li>{key(result)}" for result in results[:_BLOCKED])
    if len(results) > _BLOCKED:
        items += f"<li>{escape(words.many('more_left_out', len(results) - _BLOCKED))}"
    count = escape(words.many("checks", len(results)))
    return (
        f"<li>{badge(first.state, words)} {escape(first.message, _SHORT)}"
        f"<details><summary>{count}</summary><ul>{items}</ul></details>\n"
    )


def line(result: Result, words: Words) -> str:
    """Return a result that is neither a finding nor passed, with who accepted it where someone did."""
    text = f"<li>{badge(result.state, words)} {key(result)} {escape(result.message, _SHORT)}"
    if result.waiver is not None:
        waiver = result.waiver
        said = words.say("waived_by", owner=waiver.owner, until=when(waiver.until), reason=waiver.reason)
        text += f"<br><small>{escape(said, _MESSAGE)}</small>"
    return text + "\n"


def _blocked(finding: Finding, words: Words) -> str:
    shown = finding.blocked[:_BLOCKED]
    items = "".join(f"<li>{key(result)}" for result in shown)
    if len(finding.blocked) > len(shown):
        items += f"<li>{escape(words.many('more_left_out', len(finding.blocked) - len(shown)))}"
    said = escape(words.many("blocks", len(finding.blocked)))
    return f"<details><summary>{said}</summary><ul>{items}</ul></details>"


def _evidence(result: Result, words: Words) -> list[str]:
    """What was seen, then where the reading and its limit come from."""
    lines = list(result.evidence[:_EVIDENCE])
    if len(result.evidence) > _EVIDENCE:
        lines.append(words.many("more_left_out", len(result.evidence) - _EVIDENCE))
    if result.measure is not None:
        lines.append(words.say("read_at", time=when(result.measure.sampled_at), source=result.measure.source))
    if result.limits is not None:
        lines.append(words.say("limit_from", origin=result.limits.origin))
    return lines


def _reading(result: Result, past: Past | None, words: Words) -> str:
    parts = []
    if result.measure is not None and result.measure.value is not None:
        parts.append(f"<strong>{escape(amount(result.measure.value, result.measure.unit), _SHORT)}</strong>")
    unit = "" if result.measure is None else result.measure.unit
    if past is not None:
        parts.append(sparkline(past.values, result.limits, unit, words))
    if result.limits is not None:
        parts.append(f"<span>{escape(words.limits(result.limits))}</span>")
    if past is not None and past.forecast is not None:
        found = past.forecast
        span = {"earliest": f"{found.earliest:.0f}", "latest": f"{found.latest:.0f}"}
        text = words.many("forecast", max(round(found.days), 1), limit=found.limit, **span)
        parts.append(f"· <b>{escape(text)}</b>")
    return " ".join(part for part in parts if part != "")


def _since(result: Result, past: Past | None, words: Words, *, new: bool | None) -> str:
    parts = [f"<b>{escape(words.say('new'))}</b>"] if new else []
    if past is not None:
        if past.before is None and past.is_new:
            parts.append(escape(words.say("no_history")))
        elif not past.is_new:
            parts.append(escape(words.say("since", time=when(past.since), runs=words.many("runs", past.runs))))
        if past.before is not None and past.before is not result.state:
            parts.append(escape(words.say("changed_from", state=words.state(past.before))))
        if past.changes > 2:  # noqa: PLR2004 (there, back and there again)
            runs = words.many("runs", past.seen)
            parts.append(escape(words.many("flapping", past.changes, runs=runs)))
    return ", ".join(parts)


def _guide(result: Result, words: Words, guide_url: str) -> str:
    if not result.guide:
        return ""
    items = escape(", ".join(result.guide), _SHORT)
    if guide_url.startswith(("https://", "http://")):
        items = f'<a href="{escape(guide_url)}" rel="noreferrer">{items}</a>'
    return f"{escape(words.say('guide'))}: {items}"
