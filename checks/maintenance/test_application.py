"""What the application keeps in order by itself: its mail, the addresses of its media."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.application import ApplicationAddresses, ApplicationMail

FEW = 3
SOON = 90 * 86400.0


@pytest.mark.guide("maintenance.housekeeping")
@pytest.mark.profiles("nightly", "triage")
def test_application_mail_sent(application_mail: ApplicationMail, judged: Judge) -> None:
    """Mail that is due is sent within minutes."""
    judged(
        application_mail.oldest / 60,
        unit="min",
        subject=f"{application_mail.waiting} mails are due, the oldest for",
        reading=application_mail,
        above=(5, 30),
    )


@pytest.mark.guide("maintenance.housekeeping")
@pytest.mark.profiles("nightly", "triage")
def test_application_mail_failures(application_mail: ApplicationMail, judged: Judge) -> None:
    """Hardly any mail failed within the hour."""
    if application_mail.failed > FEW:
        judged.warning(f"{application_mail.failed} mails failed within the hour: read errmsg in emaildb_queue")
    judged.ok(f"{application_mail.failed} mails failed within the hour")


@pytest.mark.guide("health.s3")
@pytest.mark.profiles("nightly")
def test_application_addresses(application_addresses: ApplicationAddresses, judged: Judge) -> None:
    """Every stored address of a recording still opens it: signed with the key of today, and not about to end."""
    found = application_addresses
    if found.addresses == 0:
        judged.not_judged("no address of a recording is stored")
    if found.other_key > 0:
        judged.critical(
            f"{found.other_key} of {found.addresses} stored addresses are signed with another key than the newest: "
            "if that key was withdrawn, none of them opens its recording"
        )
    if found.malformed > 0:
        judged.warning(f"{found.malformed} of {found.addresses} stored addresses are no signed addresses")
    if found.soonest is not None and found.soonest < SOON:
        judged.warning(f"stored addresses end in {found.soonest / 86400:.0f} days: the recordings are lost to the app")
    judged.ok(f"{found.addresses} stored addresses, all signed with the key of the newest")
