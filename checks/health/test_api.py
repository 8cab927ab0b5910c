"""Health of the API: every instance on its own, and never on its word alone."""

from http import HTTPStatus

import pytest

from checks.engine.agreement import direct_figures, disagreements, uncompared
from checks.engine.plugin.judged import Judge
from checks.engine.readings.api import ApiConnection, ApiDetailed, ApiHealth, ApiProbes
from checks.engine.readings.minion import MinionQueue
from checks.engine.readings.postgresql import PostgresqlConnection, PostgresqlConnections, PostgresqlStandbys
from checks.engine.readings.redis import RedisConnection, RedisMemory, RedisServer
from checks.engine.readings.s3 import S3Connection

CLOCK = 60.0
REFUSALS = frozenset({401, 403})


@pytest.mark.convergent
@pytest.mark.guide("health.endpoint")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_api_connection(api_connection: ApiConnection, judged: Judge) -> None:
    """The instance answers HTTP."""
    if not api_connection.reachable:
        judged.critical(api_connection.problem)
    judged.ok(f"answers in {api_connection.seconds * 1000:.0f} ms")


@pytest.mark.convergent
@pytest.mark.guide("health.endpoint")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_api_health(api_health: ApiHealth, judged: Judge) -> None:
    """The health endpoint answers 200 and 'ok', with its own clock right and every component well."""
    bad = [name for name, state in api_health.components if state == "error"]
    silent = [name for name, state in api_health.components if state == "missing"]
    if bad:
        judged.critical(f"says that {', '.join(bad)} failed (HTTP {api_health.http_status})")
    if api_health.http_status != HTTPStatus.OK or api_health.status != "ok":
        judged.critical(f"HTTP {api_health.http_status}, status is not 'ok'")
    if silent:
        judged.critical(f"says nothing of {', '.join(silent)}")
    if api_health.clock_offset is None or abs(api_health.clock_offset) > CLOCK:
        judged.warning("its timestamp is missing or more than a minute off: check the clock of that host")
    judged.ok("says that it is well")


@pytest.mark.convergent
@pytest.mark.guide("health.endpoint")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_api_probes(api_probes: ApiProbes, judged: Judge) -> None:
    """Every probe path of the environment answers with its status and its JSON keys."""
    for path in api_probes.paths:
        if path.http_status != path.expected_status:
            judged.critical(f"{path.path} answers {path.http_status}, expected {path.expected_status}")
        if path.missing:
            judged.critical(f"{path.path} lacks the JSON keys {', '.join(path.missing)}")
    judged.ok(f"{len(api_probes.paths)} paths answer")


@pytest.mark.only_with("expect_version")
@pytest.mark.convergent
@pytest.mark.guide("health.endpoint")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_api_version_expected(api_health: ApiHealth, expected_version: str, judged: Judge) -> None:
    """The instance runs the version that was just deployed."""
    if api_health.version is None:
        judged.unknown("the health endpoint names no version, so --expect-version cannot be verified")
    if api_health.version != expected_version:
        judged.critical(f"runs {api_health.version}, not {expected_version}: the deploy did not reach it")
    judged.ok("runs the expected version")


@pytest.mark.convergent
@pytest.mark.guide("health.agreement")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_api_agreement_database(
    api_health: ApiHealth, postgresql_connection: PostgresqlConnection, judged: Judge
) -> None:
    """What the instance says of the database is what we find ourselves."""
    _agree(judged, api_health, "database", postgresql_connection.reachable)


@pytest.mark.convergent
@pytest.mark.guide("health.agreement")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_api_agreement_redis(api_health: ApiHealth, redis_connection: RedisConnection, judged: Judge) -> None:
    """What the instance says of Redis is what we find ourselves."""
    _agree(judged, api_health, "redis", redis_connection.reachable)


@pytest.mark.convergent
@pytest.mark.guide("health.agreement")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_api_agreement_s3(api_health: ApiHealth, s3_connection: S3Connection, judged: Judge) -> None:
    """What the instance says of the bucket is what we find ourselves."""
    _agree(judged, api_health, "s3", s3_connection.reachable)


def _agree(judged: Judge, health: ApiHealth, component: str, reachable: bool) -> None:
    claimed = dict(health.components).get(component, "missing")
    if claimed == "missing":
        judged.not_judged(f"the health endpoint says nothing of {component}: see api-health")
    if claimed == "ok" and not reachable:
        judged.critical(f"says that {component} is well, but it does not answer us")
    if claimed != "ok" and reachable:
        judged.critical(f"says that {component} failed, but it answers us: the fault lies between the two")
    judged.ok(f"agrees with us on {component}")


@pytest.mark.guide("health.detailed")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_api_detailed_guarded(api_detailed: ApiDetailed, judged: Judge) -> None:
    """The detailed health endpoint refuses strangers."""
    status = api_detailed.status_without_credentials
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        judged.critical(f"answers {status} without credentials: close it")
    if status not in REFUSALS:
        judged.unknown(
            f"answers {status} without credentials, which is neither a refusal nor an answer: see api-health"
        )
    judged.ok("refuses without credentials")


@pytest.mark.guide("health.detailed")
@pytest.mark.profiles("nightly", "triage")
def test_api_detailed_complete(api_detailed: ApiDetailed, judged: Judge) -> None:
    """The detailed health endpoint has every figure of the guide, each a number."""
    if api_detailed.http_status in REFUSALS:
        judged.unknown(f"refuses our credentials ({api_detailed.http_status}): mend the token that credentials names")
    if api_detailed.http_status != HTTPStatus.OK:
        judged.critical(f"answers {api_detailed.http_status} with credentials")
    if api_detailed.missing:
        judged.critical(f"lacks {', '.join(api_detailed.missing)}")
    judged.ok(f"{len(api_detailed.figures)} figures")


@pytest.mark.moments
@pytest.mark.guide("health.detailed", "health.agreement")
@pytest.mark.profiles("nightly", "triage")
def test_api_detailed_agreement(  # noqa: PLR0917 (a reading each)
    api_detailed: ApiDetailed,
    postgresql_connections: PostgresqlConnections,
    postgresql_standbys: PostgresqlStandbys,
    redis_server: RedisServer,
    redis_memory: RedisMemory,
    minion_queue: MinionQueue,
    judged: Judge,
) -> None:
    """Every figure of database, Redis and queue in the detailed health endpoint, but slow queries, is what we read."""
    direct = direct_figures(postgresql_connections, postgresql_standbys, redis_server, redis_memory, minion_queue)
    claims = dict(api_detailed.figures)
    wrong, compared = disagreements(claims, direct)
    if compared == 0:
        judged.unknown(f"gave no figure to compare (HTTP {api_detailed.http_status} with credentials)")
    if wrong:
        judged.warning(f"{len(wrong)} of {compared} figures are not what we read ourselves", wrong)
    judged.ok(f"{compared} figures agree with what we read ourselves", uncompared(claims, direct))
