"""A sparkline: the last readings as a small inline SVG, which says in words what it draws."""

from collections.abc import Sequence

from checks.engine.model import Limits
from checks.engine.report.text import escape
from checks.engine.report.words import Words, number

_WIDTH, _HEIGHT, _EDGE = 120, 24, 2
_MOST = 30


def sparkline(values: Sequence[float], limits: Limits | None, unit: str, words: Words) -> str:
    """Return the SVG of the last 30 values with the nearest limit dashed, or "" when there are fewer than two."""
    shown = list(values)[-_MOST:]
    if len(shown) < 2:  # noqa: PLR2004 (one value has no course)
        return ""
    low, high = min(shown), max(shown)
    limit = _limit(limits)
    if limit is not None and low - (high - low) <= limit <= high + 2 * (high - low or abs(high)):
        bottom, top = min(low, limit), max(high, limit)
    else:
        limit, bottom, top = None, low, high
    points = " ".join(f"{_x(i, len(shown))},{_y(value, bottom, top)}" for i, value in enumerate(shown))
    dashes = "" if limit is None else f'<path class="lim" d="M0 {_y(limit, bottom, top)}H{_WIDTH}"/>'
    label = words.say(
        "sparkline",
        runs=words.many("runs", len(shown)),
        first=number(shown[0]),
        last=number(shown[-1]),
        low=number(low),
        high=number(high),
        unit=unit,
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">{dashes}'
        f'<polyline points="{points}"/></svg>'
    )


def _limit(limits: Limits | None) -> float | None:
    if limits is None:
        return None
    for bound in (limits.above, limits.below):
        if bound is not None:
            return bound.warning if bound.warning is not None else bound.critical
    return None


def _x(index: int, count: int) -> str:
    return f"{_WIDTH * index / (count - 1):.0f}"


def _y(value: float, bottom: float, top: float) -> str:
    share = 0.5 if top == bottom else (value - bottom) / (top - bottom)
    return f"{_HEIGHT - _EDGE - share * (_HEIGHT - 2 * _EDGE):.0f}"
