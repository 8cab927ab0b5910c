"""Whether two schedules of a crontab are one and the same: pure, called by the probe of cron and the check of its jobs.

Compared is when a job runs, not how that is written: `00 04 * * sun` is `0 4 * * 7`, and `@weekly` is `0 0 * * 0`.
"""

_SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NO_NAMES: dict[str, int] = {}
_FIELDS = (  # lowest, highest, names
    (0, 59, _NO_NAMES),
    (0, 23, _NO_NAMES),
    (1, 31, _NO_NAMES),
    (1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    (0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_EVERY_DATE, _EVERY_DAY = frozenset(range(1, 32)), frozenset(range(7))
_SUNDAY = 7


def same(one: str, other: str) -> bool:
    """Say whether two schedules mean the same times; one that cannot be read is the same as its own text only."""
    try:
        return one == other or _times(one) == _times(other)
    except ValueError:
        return False


def _times(schedule: str) -> tuple[object, ...]:
    fields = _SHORT.get(schedule.lower(), schedule).split()
    minutes, hours, dates, months, days = (_of_field(field, *of) for field, of in zip(fields, _FIELDS, strict=True))
    days = frozenset(day % _SUNDAY for day in days)
    # Where neither of the two begins with a star a day is due that either of them names, and else one that both name.
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    if either and (dates == _EVERY_DATE or days == _EVERY_DAY):
        either, dates, days = False, _EVERY_DATE, _EVERY_DAY
    return minutes, hours, months, either, dates, days


def _of_field(field: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        begin = low if span == "*" else _number(first, names)
        end = high if span == "*" else _number(last, names) if dash else begin
        if not low <= begin <= end <= high:
            raise ValueError(field)
        found.update(range(begin, end + 1, int(step) if step else 1))
    return frozenset(found)


def _number(text: str, names: dict[str, int]) -> int:
    return names[text] if text in names else int(text)
