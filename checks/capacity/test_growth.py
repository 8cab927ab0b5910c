"""Growth: new users and recordings, and when the recordings fill what there is for them."""

from datetime import UTC, datetime

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.application import ApplicationGrowth
from checks.engine.trend import days_until, trend

SHOWN = 12
NAMES = "Where it or its column has another name, write that into growth() of checks/environments/grants/postgresql.sql"
FEWEST = 14  # days with recordings, below which there is no trend to speak of


@pytest.mark.guide("capacity.growth")
@pytest.mark.profiles("nightly")
def test_application_users_growth(application_growth: ApplicationGrowth, judged: Judge) -> None:
    """New users a month, and in all."""
    if not application_growth.users_known:
        judged.unknown(f"the database has no table of users, or none with their dates. {NAMES}")
    total, lines = 0, []
    for month, users in application_growth.users:
        total += users
        lines.append(f"{month[:7]}: {users} new users, {total} in all")
    if total == 0:
        judged.critical("the table of users is empty")
    judged.ok(f"{total} users", tuple(lines[-SHOWN:]))


@pytest.mark.guide("capacity.growth")
@pytest.mark.profiles("nightly")
def test_application_uploads_growth(application_growth: ApplicationGrowth, judged: Judge) -> None:
    """Recordings a day in count and bytes; what is set aside for them is not met soon."""
    if not application_growth.uploads_known:
        judged.unknown(f"the database has no table of recordings. {NAMES}")
    stored, points, lines = application_growth.uploads_before, [], []
    for day, count, size in application_growth.uploads:
        stored += size
        points.append((datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp(), float(stored)))
        lines.append(f"{day}: {count} recordings, {size / 2**20:.2f} MiB")
    evidence, text = tuple(lines[-SHOWN:]), f"{stored / 2**20:.1f} MiB of recordings"
    limit, found = application_growth.bucket_bytes, trend(points)
    if limit is not None and stored >= limit:
        judged.warning(f"{text}: all of the {limit / 2**20:.1f} MiB that are set aside for them", evidence)
    if limit is None or found is None or len(points) < FEWEST:
        judged.ok(text if limit is None else f"{text}; too few days for a trend", evidence)
        return
    days = days_until(found, limit)
    if days is not None and days[0] < application_growth.forecast_days:
        judged.warning(
            f"{text} meet {limit / 2**20:.1f} MiB in about {days[0]:.0f} days ({days[1]:.0f} to {days[2]:.0f})",
            evidence,
        )
    judged.ok(text, evidence)
