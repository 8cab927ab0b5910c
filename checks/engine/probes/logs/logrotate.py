"""What logrotate's configuration says of a log (logrotate(8)): its stanza, and whom its postrotate tells.

Called by rotation.py.
"""

import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path

from checks.engine.model import ProbeError, Reason
from checks.engine.records import dataclass

EVERY = ("hourly", "daily", "weekly", "monthly", "yearly", "size")
_TELLS = re.compile(
    r"\b(?:p?kill|killall)\s(?:.*?\s)??(?:-s\s+|--signal[= ]|-)(?:SIG)?([A-Z]+[0-9]?|\d+)\b"
    r"|\bnginx\s(?:.*\s)?-s\s+(reopen|reload)\b"
    r"|\b(?:systemctl|service|invoke-rc\.d|init\.d/\S+)\s(?:.*\s)?"
    r"((?:try-)?(?:reload|restart)(?:-or-restart)?|force-reload|rotate|reopen)\b"
    r"|\brsyslog-rotate\b"
)


@dataclass(frozen=True, slots=True)
class Stanza:
    """The patterns of one stanza, its directives (with those before all stanzas), and what it runs after rotating."""

    patterns: tuple[str, ...]
    directives: tuple[str, ...]
    script: str

    @property
    def words(self) -> tuple[str, ...]:
        """The directives' first words, each once, without what a later `no…` takes back; `no…` itself stays."""
        words: dict[str, None] = {}
        for line in self.directives:
            word = line.split()[0]
            words.pop(word.removeprefix("no") if word.startswith("no") else f"no{word}", None)
            words[word] = None
        return tuple(words)

    @property
    def every(self) -> str | None:
        """By what it rotates: of an interval and `size` the last one counts."""
        return next((word for line in reversed(self.directives) if (word := line.split()[0]) in EVERY), None)

    def value(self, word: str) -> str | None:
        """Return what follows a directive, the last one of that name; None where it is not there."""
        found = [line for line in self.directives if line.split()[0] == word]
        return found[-1].partition(" ")[2].strip() if found else None


def stanzas(text: str) -> Iterator[Stanza]:
    """Yield the stanzas of a logrotate configuration."""
    outside: list[str] = []
    patterns: list[str] = []
    inside: list[str] | None = None
    script: list[str] | None = None
    after = False
    scripts: list[str] = []
    for raw in text.splitlines():
        line = raw.strip()
        if script is not None:
            if line == "endscript":
                scripts += script if after else []
                script = None
            else:
                script.append(line)
        elif line == "" or line.startswith("#"):
            continue
        elif inside is None:
            head, brace, _ = line.partition("{")
            words = re.findall(r'"[^"]*"|\S+', head)
            if words and words[0].strip('"').startswith("/"):
                patterns += [word.strip('"') for word in words]
            elif words:
                outside.append(head.strip())
            inside = [] if brace else None
        elif line.startswith("}"):
            yield Stanza(tuple(patterns), (*outside, *inside), "\n".join(scripts))
            patterns, inside, scripts = [], None, []
        elif line.split()[0] in {"postrotate", "prerotate", "firstaction", "lastaction", "preremove"}:
            script, after = [], line.split()[0] in {"postrotate", "lastaction"}
        else:
            inside.append(re.sub(r"\s*[=\s]\s*", " ", line, count=1))


def stanza_of(config: Path, pattern: str, names: list[str]) -> Stanza | None:
    """Return the stanza that covers a log, None where none does; raises ProbeError where it may not be read."""
    try:
        text = config.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError:
        raise ProbeError(Reason.OURS, "logrotate's configuration cannot be read", "Let this user read it.") from None
    wanted = [pattern, *names]
    return next((s for s in stanzas(text) if any(fnmatch.fnmatch(w, p) for w in wanted for p in s.patterns)), None)


def signal_of(script: str) -> str | None:
    """Return the signal that a script sends, or the word by which it has a service reopen its files."""
    for line in script.splitlines():
        found = None if line.startswith("#") else _TELLS.search(line)
        word = None if found is None else next(filter(None, found.groups()), "rotate")
        if word not in {None, "0"}:  # 0 asks only whether there is such a process
            return word
    return None


def integer(text: str | None) -> int | None:
    """Return a number that a directive has; None where it has none."""
    return int(text) if text is not None and re.fullmatch(r"\d{1,6}", text) else None
