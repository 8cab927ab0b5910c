"""Tests of summary.html in headless Chromium: wide, narrow, dark, on paper, by keyboard, with axe-core, very large."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checks.engine.model import Run, State
from checks.engine.report import summary
from checks.engine.report.summary import Extras
from tests.engine.suites import Suite
from tests.report.made import HOSTILE, hostile, large, ordinary, past

AXE = Path(__file__).parent / "consumers/node_modules/axe-core/axe.min.js"
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
MADE = {"ordinary": ordinary(), "many": large(150), "all critical": large(150, State.CRITICAL), "hostile": hostile()}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start the system's Chromium, or skip where it or playwright is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = os.environ.get("PENHAS_CHECKS_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as play:
        started = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu", *QUIET])
        yield started
        started.close()


def opened(browser: Any, folder: Path, made: Run, width: int = 1200, **context: Any) -> Any:
    """Return a page that shows a run; a request for anything but the file itself, or an error, fails the test."""
    file = folder / "summary.html"
    file.write_text(summary.render(made, Extras(past())), encoding="utf-8")
    page = browser.new_context(viewport={"width": width, "height": 800}, **context).new_page()
    page.troubles = []
    page.on("request", lambda request: page.troubles.append(request.url) if request.url != file.as_uri() else None)
    page.on("console", lambda message: page.troubles.append(message.text))
    page.on("dialog", lambda dialog: (page.troubles.append(dialog.message), dialog.dismiss()))
    page.goto(file.as_uri())
    return page


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_requested_nothing_runs_and_nothing_overflows(
    browser: Any, tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    page = opened(browser, tmp_path, MADE[name], width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.scripts.length") == 0
    for summary_element in page.query_selector_all("summary")[:5]:
        summary_element.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.troubles == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["ordinary", "hostile"])
def test_axe_finds_nothing_serious(browser: Any, tmp_path: Path, name: str, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("`npm ci` in tests/report/consumers installs axe-core")
    page = opened(browser, tmp_path, MADE[name], 1200, color_scheme=scheme, bypass_csp=True)
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("axe.run().then(r => r.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.html)]))")
    assert [one for one in found if one[0] in {"serious", "critical"}] == []
    assert found == []


def test_it_can_be_used_by_keyboard_alone(browser: Any, tmp_path: Path) -> None:
    page = opened(browser, tmp_path, ordinary())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().x") >= 0
    page.keyboard.press("Enter")
    assert page.url.endswith("#do")
    seen = 0
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") != "SUMMARY":
            continue
        if page.evaluate("document.activeElement.parentElement.open"):
            break  # once round
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        seen += 1
    assert seen > 0
    assert page.evaluate("[...document.querySelectorAll('details')].every(d => d.open)")


def test_on_paper_everything_is_open_and_light(browser: Any, tmp_path: Path) -> None:
    page = opened(browser, tmp_path, ordinary(), color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    folded = (
        "[...document.querySelectorAll('details')].every(d => d.lastElementChild.getBoundingClientRect().height > 10)"
    )
    assert page.evaluate(folded)
    paper = page.pdf(format="A4")
    assert paper.startswith(b"%PDF-")


def test_the_policy_stops_an_injected_script(browser: Any, tmp_path: Path) -> None:
    page = opened(browser, tmp_path, ordinary())
    page.evaluate(
        "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)"
    )
    page.evaluate("const i = document.createElement('img'); i.src = 'http://127.0.0.1:9/x'; document.body.append(i)")
    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in text for text in page.troubles)


def test_5000_results_are_painted_in_half_a_second(browser: Any, tmp_path: Path) -> None:
    script = (
        "new Promise(done => new PerformanceObserver(list => done(list.getEntries()"
        ".find(e => e.name === 'first-contentful-paint').startTime)).observe({type: 'paint', buffered: true}))"
    )
    paints = []
    for _ in range(3):
        page = opened(browser, tmp_path, large(5000))
        paints.append(page.evaluate(script))
        page.context.close()
    assert sorted(paints)[1] <= 500 * (4 if os.cpu_count() == 1 else 2)  # the bench holds it to 500 ms, undisturbed


def test_the_page_of_pytest_html_shows_hostile_text_as_text(browser: Any, tmp_path: Path) -> None:
    suite = Suite(tmp_path)
    text = HOSTILE.replace("\ud800", "").replace("\x00", "")
    suite.check(
        "def test_made(host_disk: HostDisk, judged: Judge) -> None:\n"
        f"    '''The mount is well.'''\n    judged.critical({text!r}, ({text!r},))\n"
    )
    suite.run()
    file = (suite.reports / "here/latest/report.html").resolve()
    page = browser.new_context().new_page()
    troubles: list[str] = []
    page.on("dialog", lambda dialog: [troubles.append(dialog.message), dialog.dismiss()])  # type: ignore[func-returns-value]
    page.on("request", lambda request: troubles.append(request.url))
    page.goto(file.as_uri())
    assert page.locator("td.col-reading").first.inner_text().count("<script>alert(1)</script>") == 1
    assert page.locator("td.col-state").all_inner_texts() == ["CRITICAL", "CRITICAL"]
    assert page.locator("img[src=x]").count() == 0
    assert troubles == [file.as_uri()]
