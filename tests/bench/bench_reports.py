"""What the reports cost: size and first paint of summary.html, the history's size and time, all writers together."""

import dataclasses
import importlib
import importlib.util
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from checks.engine.history import History
from checks.engine.model import Bound, Limits, Measure, State
from checks.engine.report import summary
from checks.engine.report.folder import RunFolder
from checks.engine.report.summary import Extras
from checks.engine.report.write import write_all
from lab.client import Lab
from tests.bench.frame import Row, at_most, bench, middle, progress, shown
from tests.report import made

_PAINT = (
    "new Promise(done => new PerformanceObserver(list => done(list.getEntries()"
    ".find(e => e.name === 'first-contentful-paint').startTime)).observe({type: 'paint', buffered: true}))"
)


@bench("reports")
def reports(_lab: Lab) -> list[Row]:
    """Return the figures of the reports; the first paint only where playwright and Chromium are there."""
    course = made.past()["capacity-redis-memory@cache"]
    run = made.large(150)
    page = summary.render(run, Extras({result.key: course for result in run.results}))
    with tempfile.TemporaryDirectory() as folder:
        written = RunFolder.create(Path(folder), "bench", run.started, "bench", "nightly")
        seconds = []
        for _ in range(5):
            started = time.perf_counter()
            write_all(run, written)
            seconds.append(time.perf_counter() - started)
        rows = [
            at_most("summary-bytes", len(page.encode()), "bytes", 60_000),
            shown("reports-written", middle(seconds) * 1000, "ms"),
            *_history(Path(folder) / "history.sqlite"),
        ]
    return [*rows, *_first_paint()]


def _history(path: Path) -> list[Row]:
    """A year of nights with 200 checks, each with a limit and a course."""
    history = History(path)
    limits = Limits("%", above=Bound(80, 90))
    results = [made.result(f"bench-{n}", "x", State.OK, limits=limits) for n in range(200)]
    seconds = []
    for day in range(365):
        measure = Measure(10 + day * 0.1, "%", "bench", made.NOW)
        run = made.run(*(dataclasses.replace(result, measure=measure) for result in results))
        run = dataclasses.replace(run, run_id=str(day), started=made.NOW + day * 86400)
        started = time.process_time()  # the suite's own work: a busy disk is not what is measured
        history.record(run)
        seconds.append(time.process_time() - started)
    return [
        at_most("history-bytes", path.stat().st_size, "bytes", 10_000_000),
        at_most("history-run", middle(seconds) * 1000, "ms", 20),
    ]


def _first_paint() -> list[Row]:
    chromium = shutil.which("chromium")
    if chromium is None or importlib.util.find_spec("playwright") is None:
        progress("summary-first-paint: not measured, playwright or Chromium is not installed")
        return []
    sync_api: Any = importlib.import_module("playwright.sync_api")
    with tempfile.TemporaryDirectory() as folder, sync_api.sync_playwright() as play:
        file = Path(folder) / "summary.html"
        file.write_text(summary.render(made.large(5000), Extras()), encoding="utf-8")
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        paints = []
        for _ in range(5):
            page = browser.new_page()
            page.goto(file.as_uri())
            paints.append(float(page.evaluate(_PAINT)))
            page.close()
        browser.close()
    return [at_most("summary-first-paint", middle(paints) / 1000, "s", 0.5)]
