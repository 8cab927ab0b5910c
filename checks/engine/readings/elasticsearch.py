"""What is read of Elasticsearch: the cluster, and today's index of logs."""

from checks.engine.model import Count, Ratio, Reading, Seconds
from checks.engine.readings import reading
from checks.engine.records import dataclass


@reading("elasticsearch_connection", service="elasticsearch")
@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchConnection(Reading):
    """Whether the server answers; `problem` is our word for why not."""

    reachable: bool
    problem: str = ""
    seconds: Seconds = 0.0


@dataclass(frozen=True, slots=True)
class EsNode:
    """One data node: used share of its disk, of its heap, and of the fullest of its circuit breakers' limits."""

    name: str
    disk_ratio: float | None
    heap_ratio: float | None
    breaker_ratio: float | None = None


@reading("elasticsearch_cluster", service="elasticsearch")
@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchCluster(Reading):
    """The cluster's health, its nodes, and the watermarks as shares of a disk.

    `longest_wait` is how long the oldest task of its master has waited, None where that is not told.
    """

    status: str
    nodes: tuple[EsNode, ...]
    unassigned: Count
    pending_tasks: Count
    longest_wait: Seconds | None = None
    fullest_disk: Ratio | None
    fullest_heap: Ratio | None
    fullest_breaker: Ratio | None = None
    low: Ratio
    high: Ratio
    flood: Ratio


@reading("elasticsearch_index", service="elasticsearch")
@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchIndex(Reading):
    """Today's index by name, the age of its newest document, and what became of its documents.

    `ahead` are documents of the future, among which the newest is not looked for. `recent` are the documents of the
    last hour; `failed` those of them with a parse failure's tag, `with_ip` those that have an ip, `located` those of
    these with geoip.
    """

    name: str
    exists: bool
    read_only: bool
    documents: Count
    newest_age: Seconds | None
    ahead: Count = 0
    recent: Count
    failed: Count
    with_ip: Count
    located: Count
    geoip_due: bool
    grows_within: Seconds
    fields: Count
    fields_limit: Count


@reading("elasticsearch_exposed", service="elasticsearch")
@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchExposed(Reading):
    """What of today's index should not be in a log: (kind, how many documents), never the text.

    `recent` are the documents of the last hour, of which the newest `recent_read` were read; `suspects` those of today
    with a word that goes with a secret, of which the newest `suspects_read` were read. `personal` is of the recent ones
    only. `own` are requests of this suite, which count nowhere else.
    """

    name: str
    exists: bool
    secrets: tuple[tuple[str, int], ...]
    personal: tuple[tuple[str, int], ...]
    recent: Count
    recent_read: Count
    suspects: Count
    suspects_read: Count
    own: Count


@reading("elasticsearch_retention", service="elasticsearch")
@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchRetention(Reading):
    """The indexes of the pattern: how many, how old the oldest is by its name, and the days that none is there for.

    `stuck` are those whose lifecycle policy came to an error and does not go on; None where that is not told:
    `stuck_refused` says that it would be, to another user.
    """

    indexes: Count
    oldest_age: Seconds
    due: Seconds
    missing_days: Count
    red: Count
    stuck: Count | None = None
    stuck_refused: bool = False


@reading("elasticsearch_logstash", service="elasticsearch", requires=("elasticsearch.logstash",))
@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchLogstash(Reading):
    """Whether Logstash's syslog input accepts a connection; `problem` is our word for why not."""

    reachable: bool
    problem: str = ""
    seconds: Seconds = 0.0
