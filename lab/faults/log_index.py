"""What goes wrong with the index that logs are gathered in."""

import socket
import time
from typing import Any

from lab import marked
from lab.faults.logs import CPF, MARK, E, log_fault
from lab.faults.registry import Act
from lab.faults.watching import watchers
from lab.running import Running


def _index(**wrong: Any) -> Act:
    return lambda running: watchers(running).break_index(**wrong)


for _name, _what, _expect, _wrong in (
    ("index-cluster-red", "the cluster is red", {"logs-cluster": "CRITICAL"}, {"status": "red"}),
    (
        "index-cluster-yellow",
        "of two nodes one is gone for copies of shards",
        {"logs-cluster": "WARNING"},
        {"status": "yellow", "nodes": 2},
    ),
    (
        "index-master-behind",
        "the cluster's master does not keep up with its tasks",
        {"logs-tasks-waiting": "CRITICAL"},
        {"waits": 1_200_000},
    ),
    ("index-disk-filling", "a node's disk is past the low watermark", {"logs-cluster-disk": "WARNING"}, {"disk": 88}),
    ("index-disk-full", "a node's disk is past the high watermark", {"logs-cluster-disk": "CRITICAL"}, {"disk": 93}),
    ("index-heap-full", "a node has no heap left", {"logs-heap": "CRITICAL"}, {"heap": 94}),
    ("index-breaker-full", "a node is about to refuse requests", {"logs-breakers": "CRITICAL"}, {"breaker": 97}),
    (
        "index-missing",
        "there is no index of today",
        {
            "logs-index-today": "CRITICAL",
            "logs-index-parsed": "not judged",
            "logs-index-located": "not judged",
            "logs-index-fields": "not judged",
            "logs-index-secrets": "not judged",
            "logs-index-personal-data": "not judged",
        },
        {"hide": True},
    ),
    (
        "pipeline-of-the-guide",
        "Logstash runs the guide's pipeline as it is written there: it parses nothing",
        {"logs-index-parsed": "CRITICAL", "logs-index-located": "not judged"},
        {"literal": True},
    ),
    ("index-read-only", "today's index is read-only", {"logs-index-today": "CRITICAL"}, {"read_only": True}),
    (
        "index-behind",
        "nothing arrived in the index for half an hour",
        {"logs-index-today": "CRITICAL"},
        {"behind": 1800},
    ),
    (
        "index-ahead",
        "a ninth of what arrives in the index is stamped three hours ahead",
        {"logs-index-today": "WARNING"},
        {"ahead": 10800},
    ),
    ("index-without-geoip", "no document carries geoip", {"logs-index-located": "CRITICAL"}, {"no_geoip": True}),
    (
        "index-fields-explode",
        "the mapping has nearly as many fields as it may",
        {"logs-index-fields": "CRITICAL"},
        {"fields": 950},
    ),
    ("index-kept-too-long", "indexes are older than they may be", {"logs-index-retention": "WARNING"}, {"days": 45}),
    (
        "index-lifecycle-stuck",
        "the lifecycle policy of two indexes is stuck in an error",
        {"logs-index-retention": "WARNING"},
        {"lifecycle": ["penhas-2026.11.01", "penhas-2026.11.02"]},
    ),
    (
        "index-lifecycle-refused",
        "the user that asks may not know of lifecycle policies",
        {"logs-index-retention": "UNKNOWN"},
        {"no_lifecycle": True},
    ),
    # seen by the canary alone, until the newest document is old
    ("index-takes-nothing", "nothing more arrives in the index", {}, {"stop": True}),
    ("index-days-missing", "three days have no index", {"logs-index-retention": "WARNING"}, {"gaps": 3}),
):
    log_fault(
        _name,
        _what,
        {f"{check}@{E}": state for check, state in _expect.items()},
        _index(**_wrong),
        _index(**dict.fromkeys(_wrong)),
        E,
    )


def _sent_by_syslog(running: Running) -> None:
    """Send entries of another host, whose log lies nowhere on this one."""
    watchers(running)
    stamp = time.strftime("%Y-%m-%d %H:%M:%S") + ",000"
    entries = (f"cadastro de {marked.mail(5)}", f"sms para {marked.phone(5)}", f"cpf {CPF} conferido")
    text = "".join(f"{stamp} [INFO] Penhas - {entry} {MARK}\n" for entry in entries)
    with socket.create_connection(("127.0.0.1", running.proxies.by_name["logstash"].port), 5) as syslog:
        syslog.sendall(text.encode())
    time.sleep(0.5)  # it is indexed a line at a time


log_fault(
    "index-personal-data",
    "another host sends an e-mail address, a telephone number and a CPF to the index",
    {f"logs-index-personal-data@{E}": "CRITICAL"},
    _sent_by_syslog,
    lambda running: watchers(running).forget(MARK),
    E,
)
