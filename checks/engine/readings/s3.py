"""What is read of each bucket."""

from dataclasses import dataclass

from checks.engine.model import Reading, Seconds
from checks.engine.readings import reading


@reading("s3_connection", service="s3")
@dataclass(frozen=True, slots=True, kw_only=True)
class S3Connection(Reading):
    """HeadBucket: whether the bucket is there and ours; `problem` is our word for why not."""

    reachable: bool
    problem: str = ""
    seconds: Seconds = 0.0
