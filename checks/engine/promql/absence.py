"""Whether an expression has a value because the targets of a job are down: it is reckoned with `up` at 0, and at 1.

A vector is two elements here: that of the job, and one that stands for all other jobs. What an expression makes of
metrics that are not `up` is not known; of a job that is down they are gone.
"""

import operator
import re
from collections.abc import Callable

import promql_parser as parser

from checks.engine.promql.meaning import COMPARISONS
from checks.engine.records import dataclass


@dataclass(frozen=True, slots=True)
class _Unknown:
    """A value that nobody can tell without asking."""


_UNKNOWN = _Unknown()
Element = float | _Unknown | None  # None: there is no such element
Vector = tuple[Element, Element]
_GONE: Vector = (None, None)
_OPS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "min": min,
    "max": max,
    "avg": lambda values: sum(values) / len(values),
    "count": len,
    "group": lambda _: 1.0,
}
_AS_IT_IS = {f"{name}_over_time" for name in ("avg", "min", "max", "last", "quantile")} | {"sort", "sort_desc"}


@dataclass(frozen=True, slots=True)
class _World:
    """What is the case: `up` of one job, while the targets of all others are up."""

    job: str
    others: tuple[str, ...]
    up: float


def fires_when_down(node: object, job: str, jobs: tuple[str, ...]) -> bool:
    """Whether an expression has a value when all targets of a job are down, and none when none of these jobs is."""
    others = tuple(other for other in jobs if other != job)
    return _holds(_vector(node, _World(job, others, 0.0))) and not _holds(_vector(node, _World(job, others, 1.0)))


def _holds(vector: Vector) -> bool:
    return any(isinstance(element, float | int) for element in vector)


def _vector(node: object, world: _World) -> Vector:  # noqa: PLR0911 (a return a kind of node)
    match node:
        case parser.ParenExpr() | parser.SubqueryExpr():
            return _vector(node.expr, world)
        case parser.NumberLiteral():
            return node.val, node.val
        case parser.UnaryExpr():
            mine, others = _vector(node.expr, world)
            return _reckon("-", 0.0, mine, keep=False), _reckon("-", 0.0, others, keep=False)
        case parser.VectorSelector():
            return _selected(node, world)
        case parser.MatrixSelector():
            return _selected(node.vector_selector, world)
        case parser.AggregateExpr():
            return _aggregate(node, _vector(node.expr, world))
        case parser.Call():
            return _call(node, world)
        case parser.BinaryExpr():
            return _binary(node, world)
    return _UNKNOWN, _UNKNOWN


def _selected(node: parser.VectorSelector, world: _World) -> Vector:
    named = [m for m in node.matchers.matchers if m.name == "job"]
    own = all(_matches(m, world.job) for m in named)
    name = node.name or next((m.value for m in node.matchers.matchers if m.name == "__name__"), "")
    if name != "up":
        # Without the label nobody knows whose it is.
        return (None if named and own and world.up == 0 else _UNKNOWN), _UNKNOWN if not (named and own) else None
    one_of_it = any(m.name == "instance" and m.op == parser.MatchOp.Equal for m in node.matchers.matchers)
    others = not named or any(all(_matches(m, other) for m in named) for other in world.others)
    return (world.up if own and not one_of_it else None), (1.0 if others else None)


def _matches(matcher: parser.Matcher, job: str) -> bool:
    if matcher.op == parser.MatchOp.Equal or matcher.op == parser.MatchOp.NotEqual:  # noqa: PLR1714 (has no hash)
        return (matcher.value == job) is (matcher.op == parser.MatchOp.Equal)
    try:
        found = re.fullmatch(matcher.value, job) is not None
    except re.error:
        return False
    return found is (matcher.op == parser.MatchOp.Re)


def _aggregate(node: parser.AggregateExpr, vector: Vector) -> Vector:
    known = _AGGREGATES.get(str(node.op))
    if known is None or _UNKNOWN in vector:
        return vector
    by = node.modifier is not None and node.modifier.type == parser.AggModifierType.By
    if node.modifier is not None and ("job" in node.modifier.labels) is by:
        mine, others = (None if e is None else known([_number(e)]) for e in vector)
        return mine, others
    values = [_number(element) for element in vector if element is not None]
    return (known(values) if values else None), None


def _call(node: parser.Call, world: _World) -> Vector:
    name = node.func.name
    if not node.args:
        return _UNKNOWN, _UNKNOWN
    vector = _vector(node.args[-1], world)
    if name in {"absent", "absent_over_time"}:
        return (1.0 if vector == _GONE else None), None
    if name in _AS_IT_IS:
        return vector
    if name in {"sum_over_time", "count_over_time"}:
        mine, others = vector if name == "sum_over_time" else (None if e is None else 1.0 for e in vector)
        return mine, others
    return _UNKNOWN, _UNKNOWN


def _binary(node: parser.BinaryExpr, world: _World) -> Vector:
    op, left, right = str(node.op), _vector(node.lhs, world), _vector(node.rhs, world)
    if op in {"and", "or", "unless"}:
        mine, others = (_logical(op, one, other) for one, other in zip(left, right, strict=True))
        return mine, others
    keep = op in COMPARISONS and not (node.modifier is not None and node.modifier.return_bool)
    turned = keep and isinstance(node.lhs, parser.NumberLiteral)
    if turned:
        op, left, right = COMPARISONS[op], right, left
    mine, others = (_reckon(op, one, other, keep=keep) for one, other in zip(left, right, strict=True))
    return mine, others


def _logical(op: str, left: Element, right: Element) -> Element:
    match op:
        case "and":
            return None if right is None else left
        case "unless":
            return left if right is None or right is _UNKNOWN else None
    return right if right is not None and not isinstance(left, float | int) else left


def _reckon(op: str, left: Element, right: Element, *, keep: bool) -> Element:
    if left is None or right is None:
        return None
    if isinstance(left, _Unknown) or isinstance(right, _Unknown) or op not in _OPS or (op == "/" and right == 0):
        return _UNKNOWN
    value = _OPS[op](left, right)
    if keep:
        return left if value else None
    return float(value)


def _number(element: Element) -> float:
    assert isinstance(element, float | int)  # noqa: S101 (those that are not were sorted out)
    return element
