"""What the API shows to operators and to strangers: guards, certificate, versions, and how it does since a deploy."""

from http import HTTPStatus

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.api import (
    MINIMUM_REQUESTS,
    ApiAdmin,
    ApiCertificate,
    ApiGuard,
    ApiHealth,
    ApiHistogram,
    ApiVersions,
)

REFUSALS = frozenset({401, 403})
ABSENT = "answers 404: the path is not there, or nobody is told of it. Mend {} under [api], if it has another"
DAY = 86400.0
WHILE_STARTING = 300.0  # the deploy's own time is when it began, and instances restart one after the other


@pytest.mark.guide("health.endpoint")
@pytest.mark.profiles("nightly", "triage")
def test_api_health_discreet(api_health: ApiHealth, judged: Judge) -> None:
    """The health endpoint says which component failed, and nothing of hosts, users or errors."""
    if api_health.verbose:
        judged.warning(
            f"its health endpoint shows everybody the error of {', '.join(api_health.verbose)}, which may name hosts "
            "and users: answer 'error' only"
        )
    judged.ok("its health endpoint says no more than it must")


@pytest.mark.convergent
@pytest.mark.guide("health.endpoint")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_api_versions_agree(api_versions: ApiVersions, judged: Judge) -> None:
    """The instance runs the version that most of the others run."""
    if api_versions.others == ():
        judged.not_judged("no other instance names a version to compare with")
    if api_versions.own is None:
        judged.warning(f"names no version, the others {', '.join(dict.fromkeys(api_versions.others))}")
    same = api_versions.others.count(api_versions.own)
    if 2 * same < len(api_versions.others):
        judged.warning(f"runs {api_versions.own}, the others {', '.join(dict.fromkeys(api_versions.others))}")
    judged.ok("runs the version that the others run")


@pytest.mark.guide("maintenance.housekeeping")
@pytest.mark.profiles("nightly", "triage")
def test_api_maintenance_guarded(api_guard: ApiGuard, judged: Judge) -> None:
    """The maintenance routes refuse a missing and a wrong secret."""
    told = ((api_guard.without, "without a secret"), (api_guard.wrong, "with a wrong secret"))
    for status, what in told:
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            judged.critical(f"its maintenance routes answer {status} {what}: everybody may run them")
    for status, what in told:
        if status == HTTPStatus.NOT_FOUND:
            judged.not_judged(ABSENT.format("guarded"))
        if status not in REFUSALS:
            judged.unknown(f"its maintenance routes answer {status} {what}, which is neither a refusal nor an answer")
    judged.ok("its maintenance routes refuse strangers")


@pytest.mark.guide("troubleshooting.minion")
@pytest.mark.profiles("nightly", "triage")
def test_api_admin_guarded(api_admin: ApiAdmin, judged: Judge) -> None:
    """Minion's own page refuses strangers."""
    if HTTPStatus.OK <= api_admin.status < HTTPStatus.MULTIPLE_CHOICES:
        judged.critical(f"Minion's page answers {api_admin.status} to strangers, with what every job was given")
    if api_admin.status == HTTPStatus.NOT_FOUND:
        judged.not_judged(ABSENT.format("admin"))
    if api_admin.status not in REFUSALS:
        judged.unknown(
            f"Minion's page answers {api_admin.status} to strangers, which is neither a refusal nor an answer"
        )
    judged.ok("Minion's page refuses strangers")


@pytest.mark.guide("health.endpoint")
@pytest.mark.profiles("nightly", "triage")
def test_api_certificate(api_certificate: ApiCertificate, judged: Judge) -> None:
    """The certificate that is served is one that clients accept, and for weeks to come."""
    if api_certificate.problem != "":
        judged.critical(f"its certificate {api_certificate.problem}: clients refuse it")
    if api_certificate.expires_in is None:
        judged.unknown("its certificate does not say when it ends")
    left = api_certificate.expires_in / DAY
    judged(left, unit="d", subject="its certificate ends in", reading=api_certificate, below=(20, 3))


@pytest.mark.only_with("deployed_at")
@pytest.mark.convergent
@pytest.mark.guide("health.endpoint")
@pytest.mark.profiles("smoke", "nightly", "triage")
def test_api_errors_since_deploy(api_histogram: ApiHistogram, deployed_at: float, judged: Judge) -> None:
    """Since the deploy the instance was restarted, and answers nearly everything without an error of its own."""
    if api_histogram.started is None:
        judged.unknown("its metrics do not say when it started")
    before = deployed_at - api_histogram.started
    if before > WHILE_STARTING:
        judged.critical(f"was started {before / 60:.0f} min before the deploy: it still runs the old code")
    if api_histogram.requests < MINIMUM_REQUESTS:
        judged.not_judged(f"{api_histogram.requests:.0f} requests since its start, {MINIMUM_REQUESTS} are needed")
    judged(
        100 * api_histogram.errors / api_histogram.requests,
        unit="%",
        subject="requests answered 5xx since its start:",
        reading=api_histogram,
        above=(1, 5),
    )
