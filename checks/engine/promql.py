"""What an alert's expression means: compared by meaning, its selectors, and whether its threshold can be reached.

Pure: PromQL is parsed, nothing is asked. Called by the probe of Prometheus and by the checks of alert rules.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import promql_parser as parser

COMPARISONS = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}
_COMMUTATIVE = {"+", "*", "==", "!="}
_SIGNS = (
    (parser.MatchOp.Equal, "="),
    (parser.MatchOp.NotEqual, "!="),
    (parser.MatchOp.Re, "=~"),
    (parser.MatchOp.NotRe, "!~"),
)
_RATES = {"rate", "irate", "increase", "delta", "deriv", "idelta"}

Meaning = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric as an expression selects it: `text` is the selector without range and offset, `range` is in seconds.

    `labels` are those whose matchers an absent label does not satisfy.
    """

    metric: str
    text: str
    range: float | None
    rated: bool
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left op number`, turned so that the number is on the right."""

    op: str
    number: float
    left: object


def parse(text: str) -> object:
    """Return the expression; raises ValueError where it is none."""
    return parser.parse(text)


def meaning(node: object) -> Meaning:  # noqa: PLR0911 (a return a kind of node)
    """Return what two expressions that mean the same have in common, however they are written."""
    match node:
        case parser.ParenExpr():
            return meaning(node.expr)
        case parser.NumberLiteral():
            return ("number", node.val)
        case parser.StringLiteral():
            return ("string", node.val)
        case parser.UnaryExpr():
            return ("minus", meaning(node.expr))
        case parser.VectorSelector():
            return ("vector", _matchers(node), str(node.offset), str(node.at))
        case parser.MatrixSelector():
            return ("range", meaning(node.vector_selector), node.range.total_seconds())
        case parser.SubqueryExpr():
            return ("subquery", meaning(node.expr), str(node.range), str(node.step), str(node.offset), str(node.at))
        case parser.Call():
            return ("call", node.func.name, *(meaning(argument) for argument in node.args))
        case parser.AggregateExpr():
            param = None if node.param is None else meaning(node.param)
            return ("aggregate", str(node.op), _grouping(node.modifier), param, meaning(node.expr))
        case parser.BinaryExpr():
            return _binary(node)
    return ("other", str(node))


def same(one: str, other: str) -> bool:
    """Whether two expressions mean the same; raises ValueError where one of them is none."""
    return meaning(parse(one)) == meaning(parse(other))


def selectors(node: object) -> tuple[Selector, ...]:
    """Return every selector of an expression, in its order, each once."""
    return tuple(dict.fromkeys(_selectors(node, None, rated=False)))


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


def labels(node: object, metric_begins: str, label: str) -> tuple[str, ...]:
    """Return the values that the selectors of such metrics demand of a label with `=`."""
    found: list[str] = []

    def visit(part: object) -> None:
        if isinstance(part, parser.VectorSelector) and (part.name or "").startswith(metric_begins):
            found.extend(m.value for m in part.matchers.matchers if m.name == label and m.op == parser.MatchOp.Equal)

    _walk(node, visit)
    return tuple(dict.fromkeys(found))


def calls(node: object) -> tuple[str, ...]:
    """Return the names of the functions that an expression calls."""
    found: list[str] = []

    def visit(part: object) -> None:
        if isinstance(part, parser.Call):
            found.append(part.func.name)

    _walk(node, visit)
    return tuple(dict.fromkeys(found))


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


def _binary(node: parser.BinaryExpr) -> Meaning:
    op, left, right = str(node.op), meaning(node.lhs), meaning(node.rhs)
    how = _modifier(node.modifier)
    if op in COMPARISONS and left[0] == "number" and right[0] != "number":
        op, left, right = COMPARISONS[op], right, left
    if op in _COMMUTATIVE and how == () and repr(right) < repr(left):
        left, right = right, left
    return ("binary", op, how, left, right)


def _modifier(modifier: parser.BinModifier | None) -> Meaning:
    if modifier is None:
        return ()
    matching = modifier.matching
    on = None if matching is None else (str(matching.type), tuple(sorted(matching.labels)))
    return (str(modifier.card), on, modifier.return_bool, tuple(sorted(modifier.group_labels or ())))


def _grouping(modifier: parser.AggModifier | None) -> Meaning:
    if modifier is None:
        return ("by", ())
    return ("by" if modifier.type == parser.AggModifierType.By else "without", tuple(sorted(modifier.labels)))


def _matchers(node: parser.VectorSelector) -> Meaning:
    found = {(m.name, str(m.op), m.value) for m in node.matchers.matchers}
    if node.name is not None:
        found.add(("__name__", str(parser.MatchOp.Equal), node.name))
    return tuple(sorted(found))


def _selectors(node: object, seconds: float | None, *, rated: bool) -> Iterator[Selector]:
    match node:
        case parser.VectorSelector():
            yield Selector(_name(node), _text(node), seconds, rated, _demanded(node))
        case parser.MatrixSelector():
            yield from _selectors(node.vector_selector, node.range.total_seconds(), rated=rated)
        case parser.Call():
            for argument in node.args:
                yield from _selectors(argument, seconds, rated=node.func.name in _RATES)
        case parser.BinaryExpr():
            yield from _selectors(node.lhs, seconds, rated=rated)
            yield from _selectors(node.rhs, seconds, rated=rated)
        case parser.ParenExpr() | parser.UnaryExpr() | parser.AggregateExpr() | parser.SubqueryExpr():
            yield from _selectors(node.expr, seconds, rated=rated)


def _name(node: parser.VectorSelector) -> str:
    if node.name is not None:
        return node.name
    return next((m.value for m in node.matchers.matchers if m.name == "__name__"), "")


def _demanded(node: parser.VectorSelector) -> tuple[str, ...]:
    asks = [
        m.name
        for m in node.matchers.matchers
        if m.name != "__name__"
        and (
            (m.op == parser.MatchOp.Equal and m.value != "")
            or (m.op == parser.MatchOp.NotEqual and m.value == "")
            or (m.op == parser.MatchOp.Re and re.fullmatch(m.value, "") is None)
        )
    ]
    return tuple(dict.fromkeys(asks))


def _text(node: parser.VectorSelector) -> str:
    parts = []
    for matcher in node.matchers.matchers:
        value = matcher.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        parts.append(f'{matcher.name}{next(text for op, text in _SIGNS if op == matcher.op)}"{value}"')
    return f"{node.name or ''}{{{','.join(parts)}}}"


def _walk(node: object, visit: Callable[[object], None]) -> None:
    if isinstance(node, parser.Expr):
        parser.walk(node, pre_visit=visit)
