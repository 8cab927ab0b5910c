"""What an expression compares with a number, and whether a value can pass it."""

from collections.abc import Iterator
from dataclasses import dataclass

import promql_parser as parser

from checks.engine.promql.meaning import COMPARISONS
from checks.engine.promql.selectors import selectors


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left op number`, turned so that the number is on the right."""

    op: str
    number: float
    left: object


def comparisons(node: object) -> Iterator[Comparison]:
    """Yield the comparisons with a number that decide whether an expression has a value."""
    node = _bare(node)
    if not isinstance(node, parser.BinaryExpr):
        return
    op = str(node.op)
    if op in {"and", "or", "unless"}:
        yield from comparisons(node.lhs)
        if op != "unless":
            yield from comparisons(node.rhs)
    elif op in COMPARISONS:
        left, right = _bare(node.lhs), _bare(node.rhs)
        if (number := _number(right)) is not None:
            yield Comparison(op, number, left)
            yield from comparisons(left)
        elif (number := _number(left)) is not None:
            yield Comparison(COMPARISONS[op], number, right)
            yield from comparisons(right)


def arms(node: object) -> tuple[object, ...]:
    """Return the sides of every `or` that an expression as a whole is: any of them alone makes it have a value."""
    node = _bare(node)
    if isinstance(node, parser.BinaryExpr) and str(node.op) == "or":
        return (*arms(node.lhs), *arms(node.rhs))
    return (node,)


def reachable(comparison: Comparison, greatest: float, least: float) -> bool:
    """Whether a value between `least` and `greatest` can satisfy a comparison."""
    match comparison.op:
        case ">":
            return greatest > comparison.number
        case ">=":
            return greatest >= comparison.number
        case "<":
            return least < comparison.number
        case "<=":
            return least <= comparison.number
        case "==":
            return least <= comparison.number <= greatest
    return True


def unscaled(comparison: Comparison) -> Comparison:
    """Return a comparison without what is only arithmetic with numbers: `(1 - x) * 100 > 90` as `x < 0.1`.

    Of an aggregate that is the least, the greatest or the mean of some values, the values are left.
    """
    op, number, left = comparison.op, comparison.number, _bare(comparison.left)
    while True:
        if isinstance(left, parser.AggregateExpr) and str(left.op) in {"min", "max", "avg"}:
            left = _bare(left.expr)
            continue
        if not isinstance(left, parser.BinaryExpr):
            break
        how, one, other = str(left.op), _number(_bare(left.lhs)), _number(_bare(left.rhs))
        if how == "*" and other is not None and other > 0:
            number, left = number / other, _bare(left.lhs)
        elif how == "*" and one is not None and one > 0:
            number, left = number / one, _bare(left.rhs)
        elif how == "/" and other is not None and other > 0:
            number, left = number * other, _bare(left.lhs)
        elif how == "-" and one is not None:
            op, number, left = COMPARISONS[op], one - number, _bare(left.rhs)
        else:
            break
    return Comparison(op, number, left)


def is_aggregate(node: object) -> bool:
    """Whether an expression is one of several values at once: a sum or a count is no share where its parts are."""
    return isinstance(_bare(node), parser.AggregateExpr)


def sides(node: object) -> tuple[object, object] | None:
    """Return what is divided by what, None where an expression is no division."""
    node = _bare(node)
    return (node.lhs, node.rhs) if isinstance(node, parser.BinaryExpr) and str(node.op) == "/" else None


def histogram(node: object) -> tuple[str, bool] | None:
    """Return the bucket metric of a histogram_quantile, and whether it is summed by le; None where it is none."""
    node = _bare(node)
    if not isinstance(node, parser.Call) or node.func.name != "histogram_quantile":
        return None
    inner = _bare(node.args[1])
    found = selectors(inner)
    return (found[0].metric, isinstance(inner, parser.AggregateExpr)) if found else None


def is_share(node: object) -> bool:
    """Whether an expression divides a part by a whole: both sides of the division select alike but for labels."""
    node = _bare(node)
    if not isinstance(node, parser.BinaryExpr) or str(node.op) != "/":
        return False
    parts, wholes = ({s.metric for s in selectors(side)} for side in (node.lhs, node.rhs))
    return parts == wholes or {_kind(m) for m in parts} == {_kind(m) for m in wholes}


def _kind(metric: str) -> str:
    # node_filesystem_avail_bytes / node_filesystem_size_bytes: the same thing's part and whole
    return metric.replace("_avail_", "_").replace("_free_", "_").replace("_size_", "_").replace("Available", "Total")


def _bare(node: object) -> object:
    while isinstance(node, parser.ParenExpr):
        node = node.expr
    return node


def _number(node: object) -> float | None:
    if isinstance(node, parser.UnaryExpr):
        inner = _number(_bare(node.expr))
        return None if inner is None else -inner
    return float(node.val) if isinstance(node, parser.NumberLiteral) else None
