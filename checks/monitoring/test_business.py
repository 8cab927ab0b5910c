"""Business figures: silence where there should be traffic, alerts to guardians first of all."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.application import ApplicationBusiness
from checks.engine.silence import DAY, WEEK, WEEKS, weigh

NAMES = "Where it has another name, write that into business_sources() of checks/environments/grants/postgresql.sql"


@pytest.mark.guide("metrics.business")
@pytest.mark.profiles("nightly", "triage")
def test_application_guardian_alerts(application_business: ApplicationBusiness, judged: Judge) -> None:
    """As many alerts are raised as at the same hours of earlier weeks."""
    _judge(judged, application_business, "guardian alerts", vital=True)


@pytest.mark.guide("metrics.business")
@pytest.mark.profiles("nightly", "triage")
def test_application_alert_messages(application_business: ApplicationBusiness, judged: Judge) -> None:
    """As many messages are sent to guardians as at the same hours of earlier weeks."""
    _judge(judged, application_business, "alert messages", vital=True)


@pytest.mark.guide("metrics.business")
@pytest.mark.profiles("nightly", "triage")
def test_application_audio_uploads(application_business: ApplicationBusiness, judged: Judge) -> None:
    """As many recordings arrive as at the same hours of earlier weeks."""
    _judge(judged, application_business, "audio uploads", vital=False, kept=True)


@pytest.mark.guide("metrics.business")
@pytest.mark.profiles("nightly", "triage")
def test_application_searches(application_business: ApplicationBusiness, judged: Judge) -> None:
    """As many support centres are searched for as at the same hours of earlier weeks."""
    _judge(judged, application_business, "support-centre searches", vital=False)


@pytest.mark.guide("metrics.business")
@pytest.mark.profiles("nightly", "triage")
def test_application_active_users(application_business: ApplicationBusiness, judged: Judge) -> None:
    """As many users are active as at the same hours of earlier weeks."""
    _judge(judged, application_business, "active users", vital=False)


def _judge(judged: Judge, business: ApplicationBusiness, figure: str, *, vital: bool, kept: bool = False) -> None:
    course = next((course for course in business.figures if course.figure == figure), None)
    if course is None:
        text = f"{figure}: the database has no such table. {NAMES}"
        if vital:
            judged.unknown(text)
        judged.not_judged(text)
    if course.emptied:
        text = f"{figure}: the table is empty, and rows were written to it once: somebody emptied it"
        if vital or kept:
            judged.critical(text)
        judged.warning(text)
    if course.weeks < WEEKS + 1:
        judged.not_judged(f"{figure}: needs {WEEKS + 1} weeks of history, there are {course.weeks:.1f}")
    found = weigh(course.hours)
    if found.hours is None:
        none = f"; none in {len(course.hours) // DAY} days" if not any(course.hours) else ""
        judged.not_judged(f"{figure}: {found.expected:.0f} in a week are too few to tell silence from chance{none}")
    text = f"{figure}: {found.now} in {found.hours} h, {found.expected:.0f} in the same hours of earlier weeks"
    if found.hours > WEEK:
        text = f"{figure}: none for {found.hours // DAY} days, {found.expected:.0f} in a week before"
    if found.silent and vital:
        judged.critical(text)
    if found.silent or found.low:
        judged.warning(text)
    judged.ok(text)
