"""What an expression selects, and which functions it calls."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import promql_parser as parser

_SIGNS = (
    (parser.MatchOp.Equal, "="),
    (parser.MatchOp.NotEqual, "!="),
    (parser.MatchOp.Re, "=~"),
    (parser.MatchOp.NotRe, "!~"),
)
_RATES = {"rate", "irate", "increase", "delta", "deriv", "idelta"}


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


def selectors(node: object) -> tuple[Selector, ...]:
    """Return every selector of an expression, in its order, each once."""
    return tuple(dict.fromkeys(_selectors(node, None, rated=False)))


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
