"""junit.xml: our own writer, because a consumer of JUnit shows only what it knows.

One testsuite a chapter, names that never change between runs, the same first line in message and text (consumers show
one or the other), file and line as attributes, and no element without a name.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from checks.engine.model import Result, Run, State
from checks.engine.report.findings import JUDGED
from checks.engine.report.text import one_line, plain

# What XML 1.0 cannot hold even as a reference; `plain` has written out most of it already.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SKIPPED = {State.NOT_JUDGED: "not-judged", State.NOT_COVERED: "not-covered", State.WAIVED: "waived"}
_MESSAGE = 2_000
_TEXT = 10_000


def render(run: Run, *, fail_on: Collection[str] = ()) -> bytes:
    """Return the run as JUnit XML; a WARNING is a skipped test with its text, with "warning" in `fail_on` a failure."""
    root = ET.Element("testsuites", name="penhas-checks")
    chapters: dict[str, list[Result]] = {}
    for result in (*run.results, *_nothing(run)):
        chapters.setdefault(result.chapter or "run", []).append(result)
    totals: dict[str, float] = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for chapter, results in chapters.items():
        suite = ET.SubElement(root, "testsuite", name=_xml(chapter))
        if run.emergency != "":
            properties = ET.SubElement(suite, "properties")
            ET.SubElement(properties, "property", name="emergency", value=_xml(one_line(run.emergency, _MESSAGE)))
        cases = [_case(run, result, fail_on) for result in results]
        numbers = {
            "tests": len(cases),
            "failures": sum(case.find("failure") is not None for case in cases),
            "errors": sum(case.find("error") is not None for case in cases),
            "skipped": sum(case.find("skipped") is not None for case in cases),
        }
        suite.attrib.update({name: str(number) for name, number in numbers.items()})
        suite.set("time", f"{sum(result.seconds for result in results):.3f}")
        suite.set("timestamp", datetime.fromtimestamp(run.started, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
        suite.set("hostname", _xml(run.environment) or "unknown")
        suite.extend(cases)
        for name, number in numbers.items():
            totals[name] += number
    root.attrib.update({name: str(int(number)) for name, number in totals.items()})
    root.set("time", f"{max(run.finished - run.started, 0):.3f}")
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _nothing(run: Run) -> tuple[Result, ...]:
    """A consumer takes a file without an error for a success: one where nothing was judged has one."""
    if any(result.state in JUDGED for result in run.results):
        return ()
    why = f"{run.environment}: nothing was judged"
    title = "The run judged something."
    return (Result("run-judged", run.environment, title, "suite", "run", (), (), State.UNKNOWN, why),)


def _case(run: Run, result: Result, fail_on: Collection[str]) -> ET.Element:
    case = ET.Element("testcase", name=_xml(result.key), classname=_xml(f"{run.environment}.{result.chapter or 'run'}"))
    case.set("time", f"{result.seconds:.3f}")
    if result.file != "":
        case.set("file", _xml(result.file))
        case.set("line", str(result.line))
    properties = ET.SubElement(case, "properties")
    for name, value in (("state", result.state.value), ("service", result.service), ("target", result.target)):
        ET.SubElement(properties, "property", name=name, value=_xml(value))
    element = _outcome(result.state, fail_on)
    if element is not None:
        tag, kind = element
        first = _xml(one_line(f"{result.state.value}: {result.message}", _MESSAGE))
        child = ET.SubElement(case, tag, type=kind, message=first)
        child.text = "\n".join([first, *_details(result)])
    return case


def _outcome(state: State, fail_on: Collection[str]) -> tuple[str, str] | None:
    if state is State.OK:
        return None
    if state is State.CRITICAL:
        return "failure", "critical"
    if state is State.UNKNOWN:
        return "error", "unknown"
    if state is State.WARNING:
        return ("failure" if "warning" in fail_on else "skipped"), "warning"
    return "skipped", _SKIPPED[state]


def _details(result: Result) -> list[str]:
    lines = [result.action]
    if result.blocked_by is not None:
        lines.append(f"blocked by {result.blocked_by}")
    if result.waiver is not None:
        until = datetime.fromtimestamp(result.waiver.until, UTC).strftime("%Y-%m-%d %H:%M UTC")
        lines.append(f"waived by {result.waiver.owner} until {until}: {result.waiver.reason}")
    lines.extend(result.evidence)
    return [_xml(plain(line, _TEXT)) for line in lines if line != ""]


def _xml(text: str) -> str:
    return _ILLEGAL.sub("", plain(text, _TEXT))
