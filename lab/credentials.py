"""The passwords and keys of one lab: random, and marked, so that a test can look for them in all that a run leaves."""

import secrets
from dataclasses import astuple, dataclass, field

STEM = "SEGREDOMARCADO"


def _marked() -> str:
    return STEM + secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Made anew at every start of a lab; safe in URLs, DSNs and configuration files without quoting."""

    owner: str = field(default_factory=_marked)
    application: str = field(default_factory=_marked)
    replicator: str = field(default_factory=_marked)
    checks: str = field(default_factory=_marked)
    canary: str = field(default_factory=_marked)
    redis_application: str = field(default_factory=_marked)
    redis_checks: str = field(default_factory=_marked)
    media_key: str = field(default_factory=_marked)
    media_secret: str = field(default_factory=_marked)
    backup_key: str = field(default_factory=_marked)
    backup_secret: str = field(default_factory=_marked)
    internal_key: str = f"{STEM}0000PENHAS"  # always the same: media_upload.s3_path holds it
    internal_secret: str = field(default_factory=_marked)
    api_token: str = field(default_factory=_marked)
    maintenance: str = field(default_factory=_marked)

    @property
    def all(self) -> tuple[str, ...]:
        """Return every one of them."""
        return astuple(self)
