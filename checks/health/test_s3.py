"""What the media bucket holds and how it is set; nothing of it is downloaded."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.s3 import S3Canary, S3Clock, S3Identity, S3Key, S3Objects, S3Settings, S3Uploads

DAY = 86400.0
UNTOLD = "not covered: the store does not implement it"
PART = "each of its rules has a prefix, a tag or a size"
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
def test_s3_access_blocked(s3_settings: S3Settings, judged: Judge) -> None:
    """No policy and no access list may ever open the bucket to everybody."""
    _told(judged, s3_settings.blocked)
    if s3_settings.blocked == "off":
        judged.warning("one policy or access list would open it to everybody: block public access, all four ways")
    judged.ok("public access is blocked, whatever a policy says")


@pytest.mark.guide("health.s3")
@pytest.mark.profiles("nightly")
def test_s3_encrypted_only(s3_settings: S3Settings, judged: Judge) -> None:
    """The bucket's policy refuses requests without TLS."""
    _told(judged, s3_settings.encrypted_only)
    if s3_settings.encrypted_only == "off":
        judged.warning("takes requests without TLS: deny them in its policy (aws:SecureTransport)")
    judged.ok("refuses requests without TLS")


@pytest.mark.guide("health.s3")
@pytest.mark.profiles("nightly")
def test_s3_versions_expire(s3_settings: S3Settings, judged: Judge) -> None:
    """Where earlier versions are kept they end some day: what somebody asked to erase must not stay for ever."""
    if s3_settings.versioning != "on":
        judged.not_judged("it keeps no versions, as far as is known")
    _told(judged, s3_settings.versions_expire)
    if s3_settings.versions_expire == "off":
        judged.warning("keeps earlier versions for ever, of what was erased too: let them expire (lifecycle)")
    if s3_settings.versions_expire == "part":
        judged.warning(f"earlier versions expire of some objects only: {PART}")
    judged.ok("earlier versions expire")


@pytest.mark.guide("health.s3")
@pytest.mark.profiles("nightly")
def test_s3_access_logged(s3_settings: S3Settings, judged: Judge) -> None:
    """Where the environment demands it, accesses to the bucket are logged."""
    _required(judged, s3_settings, "access-logs", s3_settings.logged)


@pytest.mark.guide("health.s3")
@pytest.mark.profiles("nightly")
def test_s3_replicated(s3_settings: S3Settings, judged: Judge) -> None:
    """Where the environment demands it, objects are replicated to another bucket."""
    _required(judged, s3_settings, "replication", s3_settings.replicated)


@pytest.mark.guide("health.s3")
@pytest.mark.profiles("nightly")
def test_s3_locked(s3_settings: S3Settings, judged: Judge) -> None:
    """Where the environment demands it, objects can be locked against deletion."""
    _required(judged, s3_settings, "object-lock", s3_settings.locked)


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


@pytest.mark.guide("health.s3")
@pytest.mark.profiles("nightly")
def test_s3_key_not_root(s3_identity: S3Identity, judged: Judge) -> None:
    """The access key that lists the bucket is a user's or a role's, not that of the account itself."""
    if s3_identity.root:
        judged.critical("its key is that of the account itself, which may do everything everywhere")
    judged.ok("its key is not that of the account itself")


@pytest.mark.guide("health.s3")
@pytest.mark.profiles("nightly")
def test_s3_key_age(s3_key: S3Key, judged: Judge) -> None:
    """The access key that lists the bucket is renewed within a quarter of a year."""
    evidence = (f"its user has {s3_key.others} other keys",)
    judged(s3_key.age / DAY, unit="d", subject="its key is", reading=s3_key, above=(90, None), evidence=evidence)


@pytest.mark.only_with("allow_writes")
@pytest.mark.guide("health.s3")
@pytest.mark.profiles("smoke", "triage")
def test_s3_canary(s3_canary: S3Canary, judged: Judge) -> None:
    """An object can be put, read back and deleted again, and nothing of it is left."""
    left = f"{s3_canary.left} objects of canaries are left under {s3_canary.prefix}: delete them"
    if s3_canary.failed != "":
        judged.critical(s3_canary.failed, (left,) if s3_canary.left > 0 else ())
    if s3_canary.left > 0:
        judged.warning(left)
    judged.ok(f"an object was put, read back and deleted in {s3_canary.seconds * 1000:.0f} ms")


def _told(judged: Judge, word: str) -> None:
    if word == "untold":
        judged.not_judged(UNTOLD)
    if word == "denied":
        judged.unknown(f"our key may not ask for it. {POLICY}")


def _required(judged: Judge, settings: S3Settings, what: str, word: str) -> None:
    if what not in settings.required:
        judged.not_judged(f"{what} is not demanded: name it under [s3] required")
    _told(judged, word)
    if word == "off":
        judged.warning(f"{what} is demanded under [s3] required, and off")
    if word == "part":
        judged.warning(f"{what} is demanded under [s3] required, and of some objects only: {PART}")
    judged.ok(f"{what} is on")
