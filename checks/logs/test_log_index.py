"""Aggregation: the cluster, today's index, and whether what is logged arrives in it."""

import pytest

from checks.engine.plugin.judged import Judge
from checks.engine.readings.elasticsearch import (
    ElasticsearchCluster,
    ElasticsearchConnection,
    ElasticsearchExposed,
    ElasticsearchIndex,
    ElasticsearchLogstash,
    ElasticsearchRetention,
)
from checks.engine.readings.logs import LogsCanary

FEW_LOCATED = 10  # %: the users are on the public internet, health checks and proxies are not
ENOUGH = 20  # documents from which on a share of them says something


@pytest.mark.guide("logs.aggregation")
@pytest.mark.profiles("nightly", "triage")
def test_elasticsearch_connection(elasticsearch_connection: ElasticsearchConnection, judged: Judge) -> None:
    """Elasticsearch answers."""
    if not elasticsearch_connection.reachable:
        judged.critical(elasticsearch_connection.problem)
    judged.ok(f"answers in {elasticsearch_connection.seconds * 1000:.0f} ms")


@pytest.mark.guide("logs.aggregation")
@pytest.mark.profiles("nightly", "triage")
def test_logs_logstash_listens(elasticsearch_logstash: ElasticsearchLogstash, judged: Judge) -> None:
    """Logstash accepts connections on its syslog input."""
    if not elasticsearch_logstash.reachable:
        judged.critical(f"Logstash's syslog input: {elasticsearch_logstash.problem}")
    judged.ok("Logstash's syslog input accepts connections")


@pytest.mark.guide("logs.aggregation")
@pytest.mark.profiles("nightly", "triage")
def test_logs_cluster(elasticsearch_cluster: ElasticsearchCluster, judged: Judge) -> None:
    """The cluster holds every shard: red is a shard without a place, yellow a copy without one."""
    found = elasticsearch_cluster
    evidence = (f"{found.unassigned} shards unassigned, {found.pending_tasks} tasks pending",)
    if found.status == "red":
        judged.critical("its cluster is red: a part of the logs cannot be searched or written", evidence)
    if found.status != "green" and len(found.nodes) > 1:
        judged.warning(f"its cluster is {found.status}: copies of shards are missing", evidence)
    single = " (a single node has no place for copies)" if found.status != "green" else ""
    judged.ok(f"its cluster is {found.status}{single}", evidence)


@pytest.mark.guide("logs.aggregation")
@pytest.mark.profiles("nightly", "triage")
def test_logs_cluster_disk(elasticsearch_cluster: ElasticsearchCluster, judged: Judge) -> None:
    """No node is past the watermark from which on it takes no new shards."""
    if elasticsearch_cluster.fullest_disk is None:
        judged.unknown("no node says how full its disk is")
    judged(
        elasticsearch_cluster.fullest_disk * 100,
        unit="%",
        subject="fullest node: disk used",
        reading=elasticsearch_cluster,
        above=(elasticsearch_cluster.low * 100, elasticsearch_cluster.high * 100),
        evidence=(f"at {elasticsearch_cluster.flood * 100:.0f} % its indexes become read-only",),
    )


@pytest.mark.guide("logs.aggregation")
@pytest.mark.profiles("nightly", "triage")
def test_logs_index_today(elasticsearch_index: ElasticsearchIndex, judged: Judge) -> None:
    """Today's index exists, may be written to, and grows; nothing in it is of the future."""
    index = elasticsearch_index
    if not index.exists:
        judged.critical(f"there is no index {index.name}: nothing that was logged today can be found")
    if index.read_only:
        judged.critical(f"{index.name} is read-only (read_only_allow_delete): free the disk, then lift the block")
    if index.newest_age is None:
        judged.critical(f"{index.name} is empty" if index.ahead == 0 else f"{index.name} holds nothing but the future")
    evidence = (f"{index.documents} documents",)
    if index.ahead > 0 and index.newest_age <= index.grows_within:
        wrong = f"{index.ahead} documents of {index.name} are of the future: a clock or a time zone is wrong"
        judged.warning(wrong, evidence)
    judged(
        index.newest_age,
        unit="s",
        subject=f"age of the newest document of {index.name}:",
        reading=index,
        above=(index.grows_within, 3 * index.grows_within),
        evidence=evidence,
    )


@pytest.mark.guide("logs.aggregation")
@pytest.mark.profiles("nightly")
def test_logs_index_parsed(elasticsearch_index: ElasticsearchIndex, judged: Judge) -> None:
    """What arrives is parsed: few documents carry the tag of a failure."""
    index = elasticsearch_index
    if index.recent < ENOUGH:
        judged.not_judged(f"too few documents in the last hour: {index.recent}, {ENOUGH} are needed")
    judged(
        index.failed / index.recent * 100,
        unit="%",
        subject=f"not parsed of {index.recent} documents of the last hour",
        reading=index,
        above=(1, 10),
    )


@pytest.mark.guide("logs.aggregation")
@pytest.mark.profiles("nightly")
def test_logs_index_located(elasticsearch_index: ElasticsearchIndex, judged: Judge) -> None:
    """Documents with an ip carry geoip: all but addresses of one's own network, which no database knows."""
    index = elasticsearch_index
    if not index.geoip_due or index.with_ip < ENOUGH:
        judged.not_judged("geoip is not due" if not index.geoip_due else f"only {index.with_ip} documents with an ip")
    if index.located == 0:
        judged.critical(f"none of {index.with_ip} documents with an ip carries geoip: its filter does not run")
    judged(
        index.located / index.with_ip * 100,
        unit="%",
        subject=f"located of {index.with_ip} documents with an ip",
        reading=index,
        below=(FEW_LOCATED, None),
    )


@pytest.mark.guide("logs.aggregation")
@pytest.mark.profiles("nightly")
def test_logs_index_fields(elasticsearch_index: ElasticsearchIndex, judged: Judge) -> None:
    """The mapping is far from the number of fields at which documents are refused."""
    index = elasticsearch_index
    if not index.exists:
        judged.not_judged("there is no index today")
    judged(
        index.fields / index.fields_limit * 100,
        unit="%",
        subject=f"{index.fields} fields of {index.fields_limit}: used",
        reading=index,
        above=(70, 90),
    )


@pytest.mark.guide("logs.secrets")
@pytest.mark.profiles("nightly")
def test_logs_index_secrets(elasticsearch_exposed: ElasticsearchExposed, judged: Judge) -> None:
    """No secret is in today's index."""
    index = elasticsearch_exposed
    if not index.exists:
        judged.not_judged("there is no index today")
    if index.secrets:
        judged.critical(f"holds {', '.join(kind for kind, _ in index.secrets)}", _counted(index.name, index.secrets))
    part = f", the newest {index.suspects_read} were read" if index.suspects_read < index.suspects else ""
    judged.ok(f"no secret in {index.suspects} documents that have a word for one{part}")


@pytest.mark.guide("logs.secrets")
@pytest.mark.profiles("nightly")
def test_logs_index_personal_data(elasticsearch_exposed: ElasticsearchExposed, judged: Judge) -> None:
    """Nobody's e-mail address, telephone number or CPF is in the newest documents of today's index."""
    index = elasticsearch_exposed
    if not index.exists or index.recent == 0:
        judged.not_judged("there is no index today" if not index.exists else "no document is of the last hour")
    if index.personal:
        kinds = ", ".join(kind for kind, _ in index.personal)
        judged.critical(f"holds {kinds}: whoever searches it reads them", _counted(index.name, index.personal))
    own = (f"{index.own} requests of this suite, left out",) if index.own else ()
    judged.ok(f"nobody's in the newest {index.recent_read} of {index.recent} documents of the last hour", own)


def _counted(name: str, kinds: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    return tuple(f"{kind}: {count} documents of {name}" for kind, count in kinds)


@pytest.mark.guide("logs.aggregation")
@pytest.mark.profiles("nightly")
def test_logs_index_retention(elasticsearch_retention: ElasticsearchRetention, judged: Judge) -> None:
    """Every day has its index, and none is kept longer than it must be."""
    found = elasticsearch_retention
    if found.red > 0:
        judged.critical(f"{found.red} indexes are red")
    if found.stuck:
        judged.warning(f"the lifecycle policy of {found.stuck} indexes is stuck in an error: _ilm/explain says at what")
    if found.oldest_age > found.due + 86400:
        judged.warning(f"the oldest index is {found.oldest_age / 86400:.0f} d old, {found.due / 86400:.0f} d are due")
    if found.missing_days > 0:
        judged.warning(f"{found.missing_days} days have no index")
    if found.stuck_refused:
        judged.unknown("whether a lifecycle policy is stuck is refused: let the user that asks view_index_metadata")
    untold = ("whether a lifecycle policy is stuck is not told",) if found.stuck is None else ()
    judged.ok(f"{found.indexes} indexes, the oldest {found.oldest_age / 86400:.0f} d old", untold)


@pytest.mark.only_with("allow_writes")
@pytest.mark.guide("logs.aggregation")
@pytest.mark.profiles("nightly", "triage")
def test_logs_canary(logs_canary: LogsCanary, judged: Judge) -> None:
    """A line that is written to the log is found in the index soon."""
    if logs_canary.seen_after is None:
        judged.critical(f"a line of ours was not in the index within {logs_canary.waited:.0f} s")
    judged.ok(f"a line of ours was in the index after {logs_canary.seen_after:.1f} s")
