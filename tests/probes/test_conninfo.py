"""Connection strings in both of libpq's forms, and what they must never become."""

import math

import pytest

from checks.engine.environment import Environment
from checks.engine.model import ProbeError
from checks.engine.probes.backup.live_catalog import database_of
from checks.engine.probes.conninfo import parameters
from checks.engine.readings.api import ApiHistogram, api_traffic

SECRET = "MARCADA-SENHA-1"


@pytest.mark.parametrize(
    "text",
    [f"postgresql://u:{SECRET}@h:5432/penhas", f"host=h port=5432 user=u password={SECRET} dbname=penhas"],
)
def test_the_database_is_found_in_both_forms_and_nothing_else_is(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENHAS_CHECKS_PRIMARY_DSN", text)
    table = {"name": "here", "postgresql": {"primary": {"name": "primary", "env": "PENHAS_CHECKS_PRIMARY_DSN"}}}
    assert database_of(Environment.model_validate(table)) == "penhas"


def test_a_malformed_one_is_not_quoted() -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (its text is what is looked at)
        parameters(f"host=h password='{SECRET}")
    assert SECRET not in str(caught.value)


def histogram(count: float, *bounds: tuple[float, float], at: float) -> ApiHistogram:
    buckets = (*bounds, (math.inf, count))
    return ApiHistogram(buckets=buckets, requests=count, errors=0, started=1, source="GET /metrics", sampled_at=at)


def test_a_histogram_that_ends_below_the_limit_cannot_tell() -> None:
    with pytest.raises(ProbeError):
        api_traffic(histogram(0, (0.25, 0), at=0), histogram(100, (0.25, 0), at=60))


def test_slower_than_a_bucket_past_the_limit_is_that_slow() -> None:
    found = api_traffic(histogram(0, (10, 0), at=0), histogram(100, (10, 0), at=60))
    assert getattr(found, "p95", None) == 10
