"""What goes wrong with Logstash, told by the stand-in: queues, reloads, outputs, pipelines."""

import time
from typing import Any

from lab.faults.logs import E, log_fault
from lab.faults.registry import Act
from lab.faults.watching import watchers
from lab.running import Running

_APART = 5.5  # seconds; two samples of what flows lie five apart


def _told(**wrong: Any) -> Act:
    def act(running: Running) -> None:
        watchers(running).break_index(**wrong)
        if wrong.get("stuck"):
            time.sleep(_APART)  # so that it is compared with what was told last

    return act


for _name, _what, _expect, _wrong in (
    ("queue-filling", "its persistent queue fills", {"queue": "WARNING"}, {"queue": 80}),
    ("queue-full", "its persistent queue is full", {"queue": "CRITICAL"}, {"queue": 99}),
    ("reload-failed", "its changed configuration could not be loaded", {"reloaded": "CRITICAL"}, {"reload": True}),
    ("stuck", "it takes entries and puts out none", {"flows": "CRITICAL"}, {"stuck": True}),
    (
        "no-pipeline",
        "it runs without any pipeline",
        {"queue": "CRITICAL", "reloaded": "CRITICAL", "flows": "not judged"},
        {"pipelines": "none"},
    ),
):
    log_fault(
        f"logstash-{_name}",
        f"Logstash: {_what}",
        {f"logs-logstash-{check}@{E}": state for check, state in _expect.items()},
        _told(**_wrong),
        _told(**dict.fromkeys(_wrong)),
        E,
    )
