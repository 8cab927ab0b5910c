"""Why a backup could not be taken. Raised by every step, shown by __main__, never with a driver's or server's text."""


class BackupFailed(Exception):  # noqa: N818 (what happened, not what kind of error it is)
    """The backup was not taken; `why` and `mend` are our own words."""

    def __init__(self, why: str, mend: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.mend = mend
