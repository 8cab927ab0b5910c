"""How the lines of a log are laid out, on bytes: a log need not be UTF-8, and decoding many megabytes costs."""

import datetime
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

_GUIDE = re.compile(
    rb"^(?P<stamp>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.,]\d+(?:Z|[+-]\d\d:?\d\d)?) "
    rb"\[(?P<level>[A-Z]+)\] (?P<category>\S+) - (?P<message>.*)$",
    re.MULTILINE,
)
_PUBLIC = re.compile(
    rb"^\[(?P<stamp>\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)\.\d+\] \[(?P<level>[A-Z]+) (?P<category>\d+)\] (?P<message>.*)$",
    re.MULTILINE,
)
_NGINX = re.compile(
    rb"^\S+ \S+ \S+ \[(?P<stamp>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    rb'"(?P<message>[^"]*)" (?P<level>\d{3}) (?P<category>\d+|-)(?: .*)?$',
    re.MULTILINE,
)
# The same without names, for counting: (level, category, "{" where the message is JSON).
_GUIDE_HEADS = re.compile(
    rb"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.,]\d+(?:Z|[+-]\d\d:?\d\d)? \[([A-Z]+)\] (\S+) - (\{?).*", re.MULTILINE
)
_PUBLIC_HEADS = re.compile(rb"^\[\d\d/\d\d/\d{4} \d\d:\d\d:\d\d\.\d+\] \[([A-Z]+) (\d+)\] (?: *)(\{?).*", re.MULTILINE)
_NGINX_HEADS = re.compile(
    rb"^\S+ \S+ \S+ \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
    rb'"[^"]*" (\d{3}) ()(?:\d+|-)(?= |$)()(?: .*)?$',
    re.MULTILINE,
)
_FRACTION = re.compile(r"[.,]\d+")
ERRORS = (b"ERROR", b"FATAL", b"ERRO", b"FATA")  # the public layout cuts a level's name to four letters


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout: `entry` and, for counting, `heads` match a line that begins an entry; `form` reads its stamp."""

    name: str
    entry: re.Pattern[bytes]
    heads: re.Pattern[bytes]
    form: str

    def moment(self, stamp: bytes, zone: ZoneInfo) -> float | None:
        """Return the Unix time of a stamp; one without a zone is in `zone`."""
        try:
            text = stamp.decode("ascii")
            if self.form == "ISO 8601":
                found = datetime.datetime.fromisoformat(_FRACTION.sub("", text))
            else:
                found = datetime.datetime.strptime(text, self.form)  # noqa: DTZ007 (the zone follows)
        except ValueError:
            return None
        return (found if found.tzinfo is not None else found.replace(tzinfo=zone)).timestamp()


LAYOUTS = {
    "guide": Layout("guide", _GUIDE, _GUIDE_HEADS, "ISO 8601"),
    "public": Layout("public", _PUBLIC, _PUBLIC_HEADS, "%d/%m/%Y %H:%M:%S"),
    "nginx": Layout("nginx", _NGINX, _NGINX_HEADS, "%d/%b/%Y:%H:%M:%S %z"),
}
