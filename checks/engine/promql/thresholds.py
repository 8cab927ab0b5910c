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
