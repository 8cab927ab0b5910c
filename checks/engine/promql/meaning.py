"""Whether two expressions mean the same, however they are written."""

import promql_parser as parser

COMPARISONS = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}
_COMMUTATIVE = {"+", "*", "==", "!="}

Meaning = tuple[object, ...]


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
