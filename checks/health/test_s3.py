"""What the media bucket holds and how it is set; nothing of it is downloaded."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.s3 import S3Clock, S3Objects, S3Settings, S3Uploads

UNTOLD = "not covered: the store does not implement it"
POLICY = "Give our key the policy in checks/environments/grants/s3.json"


@pytest.mark.guide("health.s3")
@pytest.mark.profiles("nightly")
def test_s3_objects(s3_objects: S3Objects, judged: Judge) -> None:
    """The media that the database knows, newest and older, are in the bucket with the size that it has of them."""
    if s3_objects.missing > 0:
        judged.critical(f"{s3_objects.missing} of {s3_objects.sampled} media that the database knows are not there")
    if s3_objects.other_size > 0:
        judged.critical(f"{s3_objects.other_size} of {s3_objects.sampled} media have another size than they should")
    judged.ok(f"{s3_objects.sampled} media that the database knows are there, with their sizes")


@pytest.mark.guide("health.s3")
@pytest.mark.profiles("nightly", "triage")
def test_s3_private(s3_settings: S3Settings, judged: Judge) -> None:
    """Neither policy nor access list opens the bucket to everybody."""
    if s3_settings.public == "on":
        judged.critical("is open to everybody: close it now, and find out since when")
    _told(judged, s3_settings.public)
    judged.ok("is closed to strangers")


@pytest.mark.guide("health.s3")
@pytest.mark.profiles("nightly")
def test_s3_versioning(s3_settings: S3Settings, judged: Judge) -> None:
    """The bucket keeps earlier versions, so that what is deleted by mistake can be brought back."""
    _told(judged, s3_settings.versioning)
    if s3_settings.versioning == "off":
        judged.warning("keeps no versions: what is deleted or overwritten by mistake is lost")
    judged.ok("keeps versions")


@pytest.mark.guide("health.s3")
@pytest.mark.profiles("nightly")
def test_s3_encryption(s3_settings: S3Settings, judged: Judge) -> None:
    """The bucket encrypts what it stores."""
    _told(judged, s3_settings.encryption)
    if s3_settings.encryption == "off":
        judged.warning("does not encrypt what it stores")
    judged.ok("encrypts what it stores")


@pytest.mark.guide("health.s3")
@pytest.mark.profiles("nightly")
def test_s3_uploads_ended(s3_uploads: S3Uploads, judged: Judge) -> None:
    """No upload was begun a week ago and never ended."""
    _told(judged, s3_uploads.told)
    if s3_uploads.stale > 0:
        judged.warning(f"{s3_uploads.stale} uploads were begun over a week ago and never ended: abort them")
    judged.ok("every upload came to its end")


@pytest.mark.guide("health.s3")
@pytest.mark.profiles("nightly", "triage")
def test_s3_clock(s3_clock: S3Clock, judged: Judge) -> None:
    """The clock of this host agrees with the store's."""
    judged(abs(s3_clock.offset), unit="s", subject="the clocks differ by", reading=s3_clock, above=(60, 300))


def _told(judged: Judge, word: str) -> None:
    if word == "untold":
        judged.not_judged(UNTOLD)
    if word == "denied":
        judged.unknown(f"our key may not ask for it. {POLICY}")
