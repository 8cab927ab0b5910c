"""The page around the parts: verdict, what to do, by service, what was not judged, what is waived, what passed."""

import functools
import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from checks.engine.model import Result, Run, State
from checks.engine.records import dataclass
from checks.engine.report.findings import Finding, counts, findings, new_findings, recovered_findings
from checks.engine.report.headline import compared, split_headline
from checks.engine.report.past import Past, recovered
from checks.engine.report.summary import parts
from checks.engine.report.text import escape
from checks.engine.report.words import Words, seconds, when

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_CARDS = 24_000  # bytes: findings past this are shown on one line each, so that 150 checks stay under 60 kB
_SHORT = 200


@dataclass(frozen=True, slots=True)
class Extras:
    """What the page shows besides the run: each check's past by its key, the run to compare with, the guide's URL."""

    past: Mapping[str, Past] = field(default_factory=dict)
    baseline: Run | None = None
    guide_url: str = ""


def render(run: Run, extras: Extras) -> str:
    """Return the page."""
    words = Words(run.language)
    found = findings(run.results)
    title = f"{words.state(run.verdict)} · {run.environment}"
    body = [
        _header(run, found, words),
        "<main>",
        _to_do(run, found, extras, words),
        _compared(run, extras, words),
        _by_service(run, words),
        _rest(run, words),
        _passed(run, words),
        _details(run, words),
        "</main>",
    ]
    return (
        f'<!doctype html>\n<html lang="{words.language}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(title, _SHORT)}</title><style>{_style()}</style></head>\n<body>"
        + "\n".join(body)
        + "</body></html>\n"
    )


def _header(run: Run, found: tuple[Finding, ...], words: Words) -> str:
    word, said = split_headline(run, words, found)
    emergency = ""
    if run.emergency != "":
        emergency = f'<p class="em"><b>{escape(words.say("emergency"))}:</b> {escape(run.emergency, _SHORT)}</p>'
    production = words.say("production" if run.production else "not_production")
    about = f"· {production} · {run.profile or words.say('profile_all')} · {when(run.started)}"
    return (
        f'<a class="skip" href="#do">{escape(words.say("skip_to_findings"))}</a>'
        f'<header class="{parts.css(run.verdict)}">{emergency}<h1>{escape(word)}<span>: {escape(said)}</span></h1>'
        f"<p><b>{escape(run.environment, _SHORT)}</b> {escape(about)}</p></header>"
    )


def _to_do(run: Run, found: tuple[Finding, ...], extras: Extras, words: Words) -> str:
    new = None if extras.baseline is None else {result.key for result in new_findings(run, extras.baseline)}
    cards: list[str] = []
    size = 0
    for finding in found:
        past = extras.past.get(finding.result.key)
        is_new = finding.result.key in new if new is not None else past is not None and past.is_new
        card = parts.card(finding, past, words, extras.guide_url, new=is_new)
        size += len(card.encode())
        if size > _CARDS and cards:
            break
        cards.append(card)
    rows = "".join(parts.row(finding, words) for finding in found[len(cards) :])
    rest = f'<ul class="rows">{rows}</ul>' if rows else ""
    nothing = "" if found else f"<p>{escape(words.say('nothing_to_do'))}</p>"
    return f'<section id="do"><h2>{escape(words.say("what_to_do"))}</h2>{nothing}{"".join(cards)}{rest}</section>'


def _compared(run: Run, extras: Extras, words: Words) -> str:
    if extras.baseline is None:
        back = [result for result in run.results if recovered(result, extras.past.get(result.key))]
        said = ""
    else:
        back = list(recovered_findings(run, extras.baseline))
        said = f"<p>{escape(compared(run, extras.baseline, words))}</p>"
    if back == [] and said == "":
        return ""
    items = "".join(parts.passed(result, words) for result in back)
    rows = f'<ul class="rows">{items}</ul>' if items else ""
    return f"<section><h2>{escape(words.say('recovered'))}</h2>{said}{rows}</section>"


def _by_service(run: Run, words: Words) -> str:
    services: dict[str, list[Result]] = {}
    for result in run.results:
        services.setdefault(result.service, []).append(result)
    items = []
    worst = {name: max(result.state.severity for result in results) for name, results in services.items()}
    for service in sorted(services, key=lambda name: -worst[name]):
        number = counts(services[service])
        order = sorted(number, key=lambda state: -state.severity)
        said = ", ".join(words.count(state, number[state]) for state in order)
        items.append(f"<li>{parts.badge(order[0], words)} <b>{escape(service, _SHORT)}</b> {escape(said)}\n")
    return f'<section><h2>{escape(words.say("by_service"))}</h2><ul class="rows">{"".join(items)}</ul></section>'


def _rest(run: Run, words: Words) -> str:
    waived = [parts.line(result, words) for result in run.results if result.state is State.WAIVED]
    reasons: dict[tuple[State, str], list[Result]] = {}
    for result in run.results:
        if result.state in {State.NOT_JUDGED, State.NOT_COVERED}:
            reasons.setdefault((result.state, result.message), []).append(result)
    rest = [parts.group(results, words) for results in reasons.values()]
    shown = {result.service for result in run.results if result.state is State.NOT_COVERED}
    badge = parts.badge(State.NOT_COVERED, words)
    rest += [f"<li>{badge} {escape(item, _SHORT)}\n" for item in run.not_covered if item not in shown]
    return "\n".join(
        f'<section><h2>{escape(words.say(heading))}</h2><ul class="rows">{"".join(items)}</ul></section>'
        for heading, items in (("waived_heading", waived), ("not_judged_heading", rest))
        if items
    )


def _passed(run: Run, words: Words) -> str:
    items = [parts.passed(result, words) for result in run.results if result.state is State.OK]
    if not items:
        return ""
    heading = escape(f"{words.say('passed')} ({len(items)})")
    rows = f'<ul class="rows">{"".join(items)}</ul>'
    return f"<section><details><summary><h2>{heading}</h2></summary>{rows}</details></section>"


def _details(run: Run, words: Words) -> str:
    facts = (
        ("environment", run.environment),
        ("profile", run.profile or words.say("profile_all")),
        ("run_id", run.run_id),
        ("started", when(run.started)),
        ("duration", f"{seconds(run.finished - run.started)} s"),
        ("version", run.suite_version),
    )
    items = "".join(f"<dt>{escape(words.say(name))}<dd>{escape(value, _SHORT)}" for name, value in facts)
    return f"<section><h2>{escape(words.say('run_details'))}</h2><dl>{items}</dl></section>"


@functools.cache
def _style() -> str:
    """Return the style sheet without comments and line breaks."""
    text = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.sub(r"\s*([{};:,])\s*", r"\1", re.sub(r"\s+", " ", text)).strip()
