"""What a check says by raising: the judgement travels to the report as a value, never as text of a traceback."""

from checks.engine.model import Judgement


class Judged(Exception):  # noqa: N818 (a verdict, not an error)
    """Ends a check with a judgement that is not OK; `root` is the service and target whose connection is missing."""

    def __init__(self, judgement: Judgement, root: str | None = None) -> None:
        super().__init__(judgement.message)
        self.judgement = judgement
        self.root = root
