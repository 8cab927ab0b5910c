"""What the application's own tables say, as counts: mail, business figures, growth, media, effects of jobs."""

from checks.engine.model import Count, Reading, Seconds
from checks.engine.readings import reading
from checks.engine.records import dataclass


@reading("application_mail", service="application", via="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationMail(Reading):
    """The mail queue: what is due and not sent, the oldest of it, and what failed within the hour."""

    waiting: Count
    oldest: Seconds
    failed: Count


@dataclass(frozen=True, slots=True)
class Course:
    """One business figure: events within each of the last hours, the newest complete hour first; `weeks` of history.

    `emptied`: its table holds no row, and once held some.
    """

    figure: str
    weeks: float
    hours: tuple[int, ...]
    emptied: bool = False


@reading("application_business", service="application", via="postgresql", deadline=15.0)
@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationBusiness(Reading):
    """The business figures hour by hour."""

    figures: tuple[Course, ...]


@reading("application_growth", service="application", via="postgresql", deadline=15.0)
@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationGrowth(Reading):
    """New users by month and audio uploads by day: (first day as YYYY-MM-DD, count, bytes), oldest first.

    `uploads_before` are the bytes older than the days told; `bucket_bytes` and `days` are the environment's limits.
    `users_known` and `uploads_known` say that there is such a table, also where it is empty.
    """

    users: tuple[tuple[str, int], ...]
    uploads: tuple[tuple[str, int, int], ...]
    uploads_before: int
    bucket_bytes: int | None
    forecast_days: float
    users_known: bool = True
    uploads_known: bool = True


@reading("application_media", service="application", via="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationMedia(Reading):
    """A sample of media objects that should be in the bucket: how many, and `unnamed` whose address does not say where.

    Where they are is not part of any reading.
    """

    sampled: Count
    unnamed: Count = 0


@reading("application_addresses", service="application", via="postgresql", deadline=15.0)
@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationAddresses(Reading):
    """The stored addresses of media: how many are signed with another key than the newest, and when they end."""

    addresses: Count
    other_key: Count
    malformed: Count
    soonest: Seconds | None


@reading("application_effects", service="application", via="postgresql")
@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationEffects(Reading):
    """The age in seconds of the newest trace that each scheduled job leaves in the database, by name."""

    ages: tuple[tuple[str, float], ...]
