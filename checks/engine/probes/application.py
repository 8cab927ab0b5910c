"""The statements of the application's figures, which the PostgreSQL probe sends over the primary's connection."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from checks.engine.environment import Environment
from checks.engine.model import NotJudged, ProbeError, Reading, Reason
from checks.engine.probes import media_sample
from checks.engine.probes.statements import GRANTS, Row, Stamp, Statement
from checks.engine.readings.application import (
    ApplicationBusiness,
    ApplicationEffects,
    ApplicationGrowth,
    ApplicationMedia,
    Course,
)
from checks.engine.readings.minion import MinionActive

WEEK = 7 * 86400.0
HOURS = 34 * 24  # the 35 days of the function, less a day for the hours at its edges


def _business(rows: tuple[Row, ...], stamp: Stamp) -> Reading:
    return ApplicationBusiness(figures=tuple(_courses(rows)), source=stamp.source, sampled_at=stamp.sampled_at)


def _courses(rows: tuple[Row, ...]) -> Iterator[Course]:
    for row in rows:
        hours = [0] * HOURS
        for ago, events in (pair.split(":") for pair in row.texts("hours")):
            if 0 <= int(ago) < HOURS:
                hours[int(ago)] = int(events)
        age = row.maybe_real("known_for")
        yield Course(row.text("figure"), 0.0 if age is None else age / WEEK, tuple(hours), row.flag("emptied"))


def _growth(rows: tuple[Row, ...], stamp: Stamp) -> Reading:
    row = rows[0]
    return ApplicationGrowth(
        users=tuple((str(month["day"]), int(month["events"])) for month in row.tables("users")),
        uploads=tuple((str(day["day"]), int(day["events"]), int(day["bytes"])) for day in row.tables("uploads")),
        uploads_before=row.integer("uploads_before"),
        bucket_bytes=None,
        forecast_days=0.0,
        users_known=row.flag("users_known"),
        uploads_known=row.flag("uploads_known"),
        source=stamp.source,
        sampled_at=stamp.sampled_at,
    )


def _media(rows: tuple[Row, ...], stamp: Stamp) -> Reading:
    found = rows[0].tables("objects")
    objects = tuple((str(item["key"]), _size(item["bytes"])) for item in found if item["key"])
    media_sample.keep(objects)
    unnamed = len(found) - len(objects)
    return ApplicationMedia(sampled=len(objects), unnamed=unnamed, source=stamp.source, sampled_at=stamp.sampled_at)


def _size(told: Any) -> int | None:
    return None if told is None else int(told)


def _effects(rows: tuple[Row, ...], stamp: Stamp) -> Reading:
    ages = tuple((row.text("effect"), row.real("age")) for row in rows if row.maybe_text("age") is not None)
    if ages == ():
        raise ProbeError(Reason.NO_DATA, "no scheduled job has left a trace in the database")
    return ApplicationEffects(ages=ages, source=stamp.source, sampled_at=stamp.sampled_at)


def completed(outcome: Reading | NotJudged, environment: Environment) -> Reading | NotJudged:
    """Return a reading of the queue or the application with what the environment file says of it."""
    if isinstance(outcome, MinionActive) and environment.minion is not None:
        return replace(outcome, limits=tuple(environment.minion.longest.items()))
    if isinstance(outcome, ApplicationGrowth) and environment.application is not None:
        limit = environment.application.bucket_bytes
        return replace(outcome, bucket_bytes=limit, forecast_days=float(environment.report.forecast_days))
    return outcome


APPLICATION = (
    Statement("application_mail", grant=GRANTS),
    Statement("application_business", _business, GRANTS, heavy=True),
    Statement("application_growth", _growth, GRANTS, heavy=True),
    Statement("application_media", _media, GRANTS),
    Statement("application_addresses", grant=GRANTS, heavy=True),
    Statement("application_effects", _effects, GRANTS),
)
