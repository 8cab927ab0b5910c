"""The verdict in one line, the same words in the terminal, summary.html, the step summary and a notification."""

from collections import Counter

from checks.engine.model import Run, State
from checks.engine.report.findings import ALARMS, JUDGED, Finding, counts, findings, new_findings, recovered_findings
from checks.engine.report.words import Words, seconds, when

_ORDER = (
    State.CRITICAL,
    State.WARNING,
    State.UNKNOWN,
    State.OK,
    State.WAIVED,
    State.NOT_JUDGED,
    State.NOT_COVERED,
)
_ROOTS_NAMED = 2


def headline(run: Run, words: Words, found: tuple[Finding, ...] | None = None) -> str:
    """Return «CRITICAL: 2 critical, 4 unknown (3 of them blocked by …), 30 OK in 1.9 s», in the lab after «LAB: »."""
    word, said = split_headline(run, words, found)
    return f"{word}: {said}"


def split_headline(run: Run, words: Words, found: tuple[Finding, ...] | None = None) -> tuple[str, str]:
    """Return the verdict, «LAB: CRITICAL», and what is said after it."""
    found = findings(run.results) if found is None else found
    number = counts(run.results)
    parts = []
    for state in _ORDER:
        if number[state] > 0:
            text = words.count(state, number[state])
            parts.append(
                f"{text} ({_blocked(found, number[state], words)})" if state is State.UNKNOWN and _any(found) else text
            )
    said = ", ".join(parts)
    if run.stopped_by != "":
        said = ": ".join(part for part in (words.say("stopped", what=run.stopped_by), said) if part)
    elif not any(result.state in JUDGED for result in run.results):
        said = ": ".join(part for part in (words.say("nothing_judged"), said) if part)
    elif not run.complete:
        said = f"{words.say('incomplete')}: {said}"
    word = words.state(run.verdict)
    if run.lab:
        word = f"{words.say('lab')}: {word}"
    return word, f"{said} {words.say('in_seconds', seconds=seconds(run.finished - run.started))}"


def compared(run: Run, baseline: Run, words: Words) -> str:
    """Return «Compared with the run of …: 1 new, 2 still, 0 recovered»."""
    new = len(new_findings(run, baseline))
    still = sum(result.state in ALARMS for result in run.results) - new
    back = len(recovered_findings(run, baseline))
    return words.say("compared", time=when(baseline.started), new=new, still=still, recovered=back)


def _any(found: tuple[Finding, ...]) -> bool:
    return any(finding.blocked for finding in found)


def _blocked(found: tuple[Finding, ...], unknown: int, words: Words) -> str:
    """«3 of them blocked by postgresql-connection@primary»; the roots that block most are named."""
    roots = Counter({f.result.key: len(f.blocked) for f in found if f.blocked}).most_common()
    names = ", ".join(key for key, _ in roots[:_ROOTS_NAMED])
    if len(roots) > _ROOTS_NAMED:
        names = words.many("and_more", len(roots) - _ROOTS_NAMED, names=names)
    blocked = sum(n for _, n in roots)
    if blocked == unknown:
        return words.say("blocked_one" if blocked == 1 else "blocked_all", roots=names)
    return words.many("blocked_of", blocked, roots=names)
