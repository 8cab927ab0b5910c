"""A crontab's text as crontab(5) reads it, and whether one of its lines runs a command; called by the probe of cron."""

import re

from checks.engine.records import dataclass

_FIELDS = 5
_INPUT = re.compile(r"(?<!\\)%.*")  # from there on it is what the command reads
_COMMENT = re.compile(r"(?:^|(?<=[\s;|&(]))#.*")
_REDIRECTED = re.compile(r"\d*(?:>&|<&|&>>?)\s*[\w./-]+")
_TOKEN = re.compile(r"&&|\|\||[;|&()]|[<>]+|[^\s;|&()<>]+")
_BREAKS = {"&&", "||", ";", "|", "&", "(", ")", "{", "}"}
_BEFORE = re.compile(r"[A-Za-z_]\w*=.*|if|then|else|elif|do|while|until|!|time|exec")
_LOOKS = {":", "true", "false", "echo", "printf", "test", "[", "[[", "ls", "cat", "which", "stat", "chmod", "cp", "rm"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a crontab that runs something: when, what, and the variables that are set above it."""

    schedule: str
    command: str
    variables: dict[str, str]


def lines_of(text: str) -> tuple[Line, ...]:
    """Return what crontab(5) makes of a text; a variable is set for the lines below it only."""
    variables: dict[str, str] = {}
    lines: list[Line] = []
    for raw in text.splitlines():
        line = raw.strip()
        if line == "" or line.startswith("#"):
            continue
        assigned = re.match(r"([A-Za-z_]\w*)\s*=\s*(.*)$", line)
        if assigned is not None:
            variables = {**variables, assigned[1]: assigned[2].strip().strip("\"'")}
            continue
        count = 1 if line.startswith("@") else _FIELDS
        parts = line.split(None, count)
        if len(parts) == count + 1:
            lines.append(Line(" ".join(parts[:count]), parts[count], variables))
    return tuple(lines)


def runs(line: str, command: str) -> bool:
    """Say whether a line's command runs this one, wholly, with whatever before and after it (cd, flock, a log)."""
    tokens, wanted = _tokens(_INPUT.sub("", line)), _tokens(command)
    return any(
        tokens[place : place + len(wanted)] == wanted and _is_run(tokens[:place])
        for place in range(len(tokens) - len(wanted) + 1)
    )


def _tokens(command: str) -> list[str]:
    bare = _COMMENT.sub("", command).replace("\\%", "%").replace('"', "").replace("'", "")
    return _TOKEN.findall(_REDIRECTED.sub(" ", bare))


def _is_run(before: list[str]) -> bool:
    """Say whether what stands after these words is a command, and no mere word of one that only looks or prints."""
    last = max((place for place, token in enumerate(before) if token in _BREAKS), default=-1)
    words = [word for word in before[last + 1 :] if _BEFORE.fullmatch(word) is None]
    return words == [] or words[0].rpartition("/")[2] not in _LOOKS
