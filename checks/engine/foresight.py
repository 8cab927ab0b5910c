"""Turns a forecast into a WARNING: a limit that is about to be met, said while there is time to plan. Pure.

Called by the plugin when a run is over, with what the history foresees; never makes a CRITICAL.
"""

from collections.abc import Mapping
from dataclasses import replace

from checks.engine.model import Result, Run, State
from checks.engine.report.findings import overall
from checks.engine.report.past import Forecast


def warned(run: Run, forecasts: Mapping[str, Forecast], days: float) -> Run:
    """Return the run with a WARNING for each OK result, by its key, that meets its limit in fewer than so many days."""
    results = tuple(_warned(result, forecasts.get(result.key), days) for result in run.results)
    return replace(run, results=results, verdict=overall(results, complete=run.complete))


def _warned(result: Result, found: Forecast | None, days: float) -> Result:
    if found is None or result.state is not State.OK or found.days >= days:
        return result
    soon = max(round(found.days), 1)
    when = f"{soon} {'day' if soon == 1 else 'days'} ({found.earliest:.0f} to {found.latest:.0f})"
    text = f"{result.message}, {found.limit} in about {when} as it grows now"
    return replace(result, state=State.WARNING, message=text)
