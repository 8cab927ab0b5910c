"""What of an expression must have a value before it can be compared, and whether something always hides it."""

from collections.abc import Callable

import promql_parser as parser

from checks.engine.promql.meaning import COMPARISONS, meaning
from checks.engine.promql.selectors import calls, selectors
from checks.engine.promql.thresholds import comparisons

_SETS = {"and", "or", "unless"}
_OF_ABSENCE = {"absent", "absent_over_time"}
_NEVER_NEGATIVE = ("_total", "_count", "_bytes", "_bucket", "_connections", "numbackends")


def compared(node: object) -> tuple[tuple[str, object], ...]:
    """Return text and node of whatever is compared with a number, and has a value as long as there is what it selects.

    That of which a part comes and goes, as what a comparison leaves, is left out, and so is what selects nothing.
    """
    found = []
    for comparison in comparisons(node):
        left = comparison.left
        if selectors(left) and not _OF_ABSENCE & {*calls(left)} and not _any(left, _comes_and_goes):
            text = left.prettify()  # type: ignore[attr-defined]
            if meaning(parser.parse(text)) == meaning(left):
                found.append((text, left))
    return tuple(found)


def always_hidden(node: object) -> bool:
    """Whether an expression is what `unless on ()` leaves of it beside something that is always there."""
    while isinstance(node, parser.ParenExpr):
        node = node.expr
    if not isinstance(node, parser.BinaryExpr) or str(node.op) not in {"and", "unless"}:
        return False
    if str(node.op) == "and":
        return always_hidden(node.lhs) or always_hidden(node.rhs)
    matching = None if node.modifier is None else node.modifier.matching
    of_nothing = matching is not None and str(matching) == "on ()"
    constant = not selectors(node.rhs) and not _any(node.rhs, _comes_and_goes)
    return (of_nothing and constant) or always_hidden(node.lhs)


def has_offset(node: object) -> bool:
    """Whether an expression looks at an earlier time."""
    return _any(node, lambda part: getattr(part, "offset", None) is not None)


def least(node: object) -> float | None:
    """Return the least value of an expression where that is known: a count is never 0, a total never below it."""
    while isinstance(node, parser.ParenExpr):
        node = node.expr
    if isinstance(node, parser.AggregateExpr) and str(node.op) == "count":
        return 1.0
    may_be_less = _any(
        node,
        lambda part: (
            isinstance(part, parser.UnaryExpr | parser.NumberLiteral)
            or (isinstance(part, parser.BinaryExpr) and str(part.op) not in {"+", "*", "/"})
            or (isinstance(part, parser.Call) and part.func.name not in {"rate", "irate", "increase"})
        ),
    )
    found = selectors(node)
    never_negative = all(one.metric == "up" or one.metric.endswith(_NEVER_NEGATIVE) for one in found)
    return 0.0 if found and never_negative and not may_be_less else None


def _comes_and_goes(part: object) -> bool:
    if not isinstance(part, parser.BinaryExpr):
        return False
    as_bool = part.modifier is not None and part.modifier.return_bool
    return str(part.op) in _SETS or (str(part.op) in COMPARISONS and not as_bool)


def _any(node: object, holds: Callable[[object], bool]) -> bool:
    found: list[bool] = []

    def visit(part: object) -> None:
        found.append(holds(part))

    if isinstance(node, parser.Expr):
        parser.walk(node, pre_visit=visit)
    return any(found)
