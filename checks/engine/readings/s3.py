"""What is read of each bucket."""

from checks.engine.model import Count, Reading, Seconds
from checks.engine.readings import reading
from checks.engine.records import dataclass


@reading("s3_connection", service="s3")
@dataclass(frozen=True, slots=True, kw_only=True)
class S3Connection(Reading):
    """HeadBucket: whether the bucket is there and ours; `problem` is our word for why not."""

    reachable: bool
    problem: str = ""
    seconds: Seconds = 0.0


@reading("s3_objects", service="s3", deadline=20.0, needs=("application_media",), requires=("application",))
@dataclass(frozen=True, slots=True, kw_only=True)
class S3Objects(Reading):
    """A sample of the media that the database knows, looked for by listing: nothing is downloaded.

    `missing` are not in the bucket; `other_size` are there with another size than the database has.
    """

    sampled: Count
    missing: Count
    other_size: Count


@reading("s3_settings", service="s3")
@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings(Reading):
    """How the bucket is set: each is "on", "off", "untold" (the store does not implement it) or "denied" (to us).

    Replication and the end of earlier versions are "part" where they are of some objects only, by prefix, tag or size.
    `public` is whether its policy or its access list opens it to everybody, `blocked` whether neither ever may;
    `logged` says that accesses are, `locked` that objects may be; `versions_expire` that earlier versions end some day,
    `encrypted_only` that requests without TLS are refused. `required` is what the environment file demands of these.
    """

    versioning: str
    public: str
    encryption: str
    blocked: str
    logged: str
    replicated: str
    locked: str
    versions_expire: str
    encrypted_only: str
    required: tuple[str, ...]


@reading("s3_uploads", service="s3")
@dataclass(frozen=True, slots=True, kw_only=True)
class S3Uploads(Reading):
    """Uploads that were begun a week ago and never ended; they are paid for and never seen."""

    told: str
    stale: Count


@reading("s3_clock", service="s3")
@dataclass(frozen=True, slots=True, kw_only=True)
class S3Clock(Reading):
    """Our clock against the store's, which refuses signatures that are a quarter of an hour off."""

    offset: Seconds


@reading("s3_canary", service="s3", deadline=20.0)
@dataclass(frozen=True, slots=True, kw_only=True)
class S3Canary(Reading):
    """An object of ours that was put, read back and deleted: what failed, empty where nothing did.

    `left` are objects under the canary's prefix afterwards, of this run or of one that was killed.
    """

    failed: str
    left: Count
    prefix: str
    seconds: Seconds


@reading("s3_identity", service="s3")
@dataclass(frozen=True, slots=True, kw_only=True)
class S3Identity(Reading):
    """Whose the access key is that we list the bucket with: `root` where it is the account's own."""

    root: bool


@reading("s3_key", service="s3")
@dataclass(frozen=True, slots=True, kw_only=True)
class S3Key(Reading):
    """The access key that we list the bucket with: its age, and how many other keys its user has."""

    age: Seconds
    others: Count
