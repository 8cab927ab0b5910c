"""Collection: checks x targets and rows x targets, from files only; what the environment has not is one item."""

import re
from collections.abc import Iterable
from inspect import isfunction, signature
from pathlib import Path
from typing import cast

import pytest

from checks.engine.catalog import CHAPTERS, Row
from checks.engine.environment import Environment
from checks.engine.model import Target
from checks.engine.plugin.suite import CASE, SUITE, Case, Suite, suite_of
from checks.engine.readings import READINGS

_MARKS = re.compile(r"\bprofiles\(([^)]*)\)")
_WORDS = re.compile(r'\s*("[a-z]+"\s*,?\s*)+')


def check_id(function: str) -> str:
    """Return the id of a written check: test_postgresql_accepts_writes -> postgresql-accepts-writes."""
    return function.removeprefix("test_").replace("_", "-")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even load a file whose every check is marked, in plain words, for other profiles than this one."""
    only = _only(config)
    if only == "" or not (collection_path.name.startswith("test_") and collection_path.suffix == ".py"):
        return None
    try:
        text = collection_path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None  # pytest says what is wrong with it
    marks = _MARKS.findall(text)
    plain = all(only not in words and _WORDS.fullmatch(words) for words in marks)
    each = len(marks) >= text.count("def test_") or "pytestmark" in text
    return True if plain and each and "threshold" not in text else None


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> list[pytest.Item] | None:
    """Make no items of what the profile does not hold: to make and drop them took a sixth of a smoke run."""
    only = _only(collector.config)
    if only == "" or not isfunction(obj) or not name.startswith("test_"):
        return None
    if "threshold" in signature(obj).parameters:
        return None if _rows(collector.config, collector.path) else []
    own = [mark for mark in getattr(obj, "pytestmark", ()) if mark.name == "profiles"]
    marker = own[0] if own else collector.get_closest_marker("profiles")
    return [] if marker is not None and only not in marker.args else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize every check by its targets; the first reading in its signature says whose check it is."""
    if "case" not in metafunc.fixturenames:
        return
    suite = suite_of(metafunc.config)
    names = [name for name in metafunc.fixturenames if name in READINGS]
    if "threshold" in metafunc.fixturenames:
        rows = _rows(metafunc.config, metafunc.definition.path)
        cases = [case for row in rows for case in cases_of(suite.environment, row.id, [row.reading, *names], row)]
        ids = [f"{case.id}@{case.target.name}" for case in cases]
        metafunc.parametrize("case", cases, ids=ids, indirect=True)
    else:
        cases = cases_of(suite.environment, check_id(metafunc.function.__name__), names, None)
        metafunc.parametrize("case", cases, ids=[case.target.name for case in cases], indirect=True)


def _rows(config: pytest.Config, path: Path) -> list[Row]:
    """Return the rows of a file's chapter that are collected."""
    only = _only(config)
    rows = (row for row in suite_of(config).catalog.rows if row.chapter == chapter_of(path))
    return [row for row in rows if only == "" or only in row.profiles]


def _only(config: pytest.Config) -> str:
    """Return the profile whose checks alone are collected, or "" where all are.

    The waivers are compared with all that there is; and who names a check is told that his profile does not hold it.
    """
    if SUITE not in config.stash or any("::" in argument for argument in config.args):
        return ""
    profile = suite_of(config).profile
    return "" if profile.whole else profile.name


def cases_of(environment: Environment, check: str, names: list[str], row: Row | None) -> list[Case]:
    """Return a check's cases, one a target; one that is not covered where the environment has no such thing."""
    if names == []:
        return [Case(check, Target("suite", "none"), (), row)]  # its fixture says that it reads nothing
    spec = READINGS[names[0]]
    why = next((text for name in names if (text := missing(environment, name)) != ""), "")
    if why != "":
        return [Case(check, Target(spec.service, "not-covered"), (), row, why)]
    return [
        Case(check, target, tuple((name, _target(environment, name, target)) for name in names), row)
        for target in environment.of(spec.service, spec.kinds)
    ]


def missing(environment: Environment, name: str) -> str:
    """Return why the environment does not cover a reading, or "" when it does."""
    spec = READINGS[name]
    for service in (spec.service, spec.connection):
        if environment.of(service) == ():
            return f"the environment {environment.name} has no {service}"
    if environment.of(spec.service, spec.kinds) == ():
        return f"the environment {environment.name} has no {spec.service} {' or '.join(spec.kinds)}"
    for key in spec.requires:
        value: object = environment
        for part in key.split("."):
            value = getattr(value, part)
        if value in (None, ()):
            return f"the environment {environment.name} does not set {key}"
    return ""


def _target(environment: Environment, name: str, target: Target) -> Target:
    spec = READINGS[name]
    if spec.service == target.service and (spec.kinds == () or target.kind in spec.kinds):
        return target
    return environment.of(spec.service, spec.kinds)[0]


def chapter_of(path: Path) -> str:
    """Return the chapter of a check: the folder that its file lies in."""
    return path.parent.name


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep each item's case where every hook finds it."""
    if isinstance(item, pytest.Function) and hasattr(item, "callspec") and "case" in item.callspec.params:
        case = cast("Case", item.callspec.params["case"])
        item.stash[CASE] = case


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Drop what this run does not hold, and put the chapters in the guide's order, health first."""
    if SUITE not in config.stash:
        return
    suite = suite_of(config)
    suite.collected = _collected(items)
    kept = [item for item in items if _held(item, suite)]
    dropped = [item for item in items if not _held(item, suite)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    order = {chapter: number for number, chapter in enumerate(CHAPTERS)}
    items[:] = sorted(kept, key=lambda item: order.get(chapter_of(item.path), len(order)))


def _collected(items: list[pytest.Item]) -> list[tuple[str, str]]:
    """Return (check, target) of every item; two of the same could not be told apart in any report."""
    found: dict[tuple[str, str], str] = {}
    for item in items:
        case = item.stash.get(CASE, None)
        if case is not None:
            key = (case.id, case.target.name)
            if key in found:
                raise pytest.UsageError(f"two checks are called {case.id}: {found[key]} and {item.nodeid}; rename one")
            found[key] = item.nodeid
    return list(found)


def _held(item: pytest.Item, suite: Suite) -> bool:
    only = item.get_closest_marker("only_with")
    if only is not None and not getattr(suite, only.args[0]):
        return False
    return suite.profile.name == "" or suite.profile.name in profiles_of(item)


def profiles_of(item: pytest.Item) -> tuple[str, ...]:
    """Return the profiles that hold an item."""
    case = item.stash.get(CASE, None)
    if case is not None and case.row is not None:
        return case.row.profiles
    marker = item.get_closest_marker("profiles")
    return () if marker is None else tuple(marker.args)


def needs_of(items: Iterable[pytest.Item]) -> list[tuple[str, Target]]:
    """Return the union of what some items read, each once, in their order; nothing of what will not run."""
    union: dict[tuple[str, Target], None] = {}
    for item in items:
        case = item.stash.get(CASE, None)
        if case is not None:
            union.update(dict.fromkeys(case.needs))
    return list(union)
