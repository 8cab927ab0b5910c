"""--list: every check with its profiles and limits and where they come from, contacting nothing."""

import pytest

from checks.engine.judge import show
from checks.engine.model import Bound, Limits
from checks.engine.plugin.outcome import title_of
from checks.engine.plugin.rows import chapter_of, check_id, profiles_of
from checks.engine.plugin.suite import CASE


def show_checks(session: pytest.Session, form: str) -> None:
    """Print one line a check (not a target), in the order of the chapters."""
    rows: dict[str, tuple[str, ...]] = {}
    targets: dict[str, int] = {}
    for item in session.items:
        case = item.stash.get(CASE, None)
        check = check_id(item.name.split("[")[0]) if case is None else case.id
        targets[check] = targets.get(check, 0) + (case is not None and case.not_covered == "")
        row = None if case is None else case.row
        limits = "" if row is None else limits_text(row.limits)
        origin = "" if row is None else row.limits.origin
        rows[check] = (chapter_of(item.path), check, title_of(item), " ".join(profiles_of(item)), limits, origin)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    reporter.ensure_newline()
    if form == "markdown":
        reporter.write_line("| chapter | check | true when it passes | profiles | limits |")
        reporter.write_line("|---|---|---|---|---|")
        for chapter, check, title, profiles, limits, _ in rows.values():
            reporter.write_line(f"| {chapter} | `{check}` | {title} | {profiles} | {limits} |")
    else:
        for chapter, check, title, profiles, limits, origin in rows.values():
            covered = f"{targets[check]} targets" if targets[check] else "not covered"
            more = f"; {limits} ({origin})" if limits else ""
            reporter.write_line(f"{chapter:15} {check:42} {covered}; {profiles}{more}")
            reporter.write_line(f"{'':15} {title}")
    session.config.option.no_summary = True
    session.config.option.verbose = -2


def limits_text(limits: Limits) -> str:
    """Return limits as people read them: `> 70 % warning, > 85 % critical`."""
    parts = []
    for sign, bound in ((">", limits.above), ("<", limits.below)):
        both = bound or Bound()
        parts += [
            f"{sign} {show(limit, limits.unit)} {word}"
            for word, limit in (("warning", both.warning), ("critical", both.critical))
            if limit is not None
        ]
    return ", ".join(parts)
