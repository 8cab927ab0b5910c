"""Expressions are compared by what they mean."""

import pytest

from checks.engine import promql


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a > 1", "1 < a"),
        ("a >= 1", "(1 <= (a))"),
        ("a + b", "b + a"),
        ('a{x="1",y="2"}', 'a{y="2", x="1"}'),
        ("a", "a{}"),
        ('{__name__="a"}', "a"),
        ("rate(a[5m])", "rate(a[300s])"),
        ("sum(a)", "sum by () (a)"),
        ("sum by (x, y) (a)", "sum(a) by (y, x)"),
        ("0.05", "5e-2"),
    ],
)
def test_same_meaning(one: str, other: str) -> None:
    assert promql.same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a > 1", "a >= 1"),
        ("a > 1", "a > 2"),
        ("a - b", "b - a"),
        ("a and b", "b and a"),
        ('a{x="1"}', 'a{x=~"1"}'),
        ("rate(a[5m])", "rate(a[6m])"),
        ("rate(a[5m])", "irate(a[5m])"),
        ("rate(a[5m])", "rate(a[5m] offset 5m)"),
        ("sum by (x) (a)", "sum without (x) (a)"),
        ("a == bool 1", "a == 1"),
        ("a / on (x) b", "a / on (y) b"),
    ],
)
def test_other_meaning(one: str, other: str) -> None:
    assert not promql.same(one, other)


def test_selectors_know_their_window_and_the_labels_that_they_demand() -> None:
    node = promql.parse('sum(rate(a{x="1",y=~"b|",z!="3"}[5m])) / b')
    first, second = promql.selectors(node)
    assert (first.metric, first.range, first.rated, first.labels) == ("a", 300.0, True, ("x",))
    assert (second.metric, second.range, second.rated) == ("b", None, False)


def test_a_selector_text_can_be_asked_again() -> None:
    (selector,) = promql.selectors(promql.parse(r'a{x="say \"hi\"\\n"}'))
    assert promql.same(selector.text, r'a{x="say \"hi\"\\n"}')


def test_comparisons_are_found_through_and_or() -> None:
    found = list(promql.comparisons(promql.parse("(a > 1 and 2 < b) or c == 3")))
    assert [(one.op, one.number) for one in found] == [(">", 1.0), (">", 2.0), ("==", 3.0)]


@pytest.mark.parametrize(
    ("op", "number", "reachable"),
    [(">", 1.0, False), (">", 0.99, True), (">=", 1.0, True), ("<", 0.0, False), ("<=", 0.0, True), ("==", 2.0, False)],
)
def test_reach_of_a_share(op: str, number: float, *, reachable: bool) -> None:
    assert promql.reachable(promql.Comparison(op, number, None), 1, 0) is reachable


def test_a_negative_number_is_a_number() -> None:
    (found,) = promql.comparisons(promql.parse("a > -3"))
    assert found.number == -3


def test_rubbish_is_no_expression() -> None:
    with pytest.raises(ValueError, match="invalid"):
        promql.parse("a >")
