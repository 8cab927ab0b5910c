"""What Prometheus kept of figures that the suite judges itself: their courses, which forecasts need."""

from checks.engine.model import Count, Reading
from checks.engine.readings import reading
from checks.engine.records import dataclass


@dataclass(frozen=True, slots=True)
class Course:
    """What a check on a target judges, as Prometheus kept it: (Unix time, value) points, oldest first.

    `series` is how many the expression gave in all that time: with more than one it has no points. `lately` is the
    least and the most of the last ten minutes, None where there is nothing of them. `problem` is our word for why there
    are no points, "" where the expression was understood.
    """

    check: str
    target: str
    points: tuple[tuple[float, float], ...]
    series: Count
    lately: tuple[float, float] | None = None
    problem: str = ""

    @property
    def key(self) -> str:
        """What it is of, as results name it."""
        return f"{self.check}@{self.target}"


@reading("prometheus_courses", service="prometheus")
@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusCourses(Reading):
    """The courses that the environment file asks for, in its order."""

    courses: tuple[Course, ...]
