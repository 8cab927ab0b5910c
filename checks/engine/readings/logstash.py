"""What is read of Logstash's own API: whether it answers, and its pipelines; read along with Elasticsearch."""

from checks.engine.model import Count, NotJudged, Reading, Seconds
from checks.engine.readings import derived, reading
from checks.engine.records import dataclass


@reading("logstash_api", service="elasticsearch", requires=("elasticsearch.logstash_api",))
@dataclass(frozen=True, slots=True, kw_only=True)
class LogstashApi(Reading):
    """Whether Logstash's API answers; `problem` is our word for why not."""

    reachable: bool
    problem: str = ""
    seconds: Seconds = 0.0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One pipeline since it was last loaded, which `run` tells from the time before.

    `used_ratio` is of its persistent queue's greatest size, None where it has none or does not say; `waiting` are
    events in that queue. `reload_failed` says that the last time it was to be loaded anew it could not be.
    """

    name: str
    run: str
    taken: int
    put_out: int
    persistent: bool
    used_ratio: float | None
    waiting: int
    reload_failed: bool


@reading("logstash_pipelines", service="elasticsearch", requires=("elasticsearch.logstash_api",))
@dataclass(frozen=True, slots=True, kw_only=True)
class LogstashPipelines(Reading):
    """The pipelines that run, by name; those of Logstash's own monitoring are left out."""

    version: str
    uptime: Seconds
    pipelines: tuple[Pipeline, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogstashFlow(Reading):
    """The events between two samples of the same pipelines; `stuck` took some and put out none: (name, taken)."""

    taken: Count
    put_out: Count
    seconds: Seconds
    stuck: tuple[tuple[str, int], ...]


# Not longer: in what flowed since the night before, an hour in which nothing does would not show.
@derived("logstash_flow", base="logstash_pipelines", apart=(5, 900), type=LogstashFlow)
def logstash_flow(earlier: LogstashPipelines, later: LogstashPipelines) -> LogstashFlow | NotJudged:
    """Compute what flowed through the pipelines that were not loaded anew in between."""
    before = {one.name: one for one in earlier.pipelines}
    same = [
        (one, before[one.name])
        for one in later.pipelines
        if one.name in before and one.run == before[one.name].run and one.taken >= before[one.name].taken
    ]
    if not same:
        return NotJudged("Logstash's pipelines were loaded anew between the two samples")
    flows = [(one.name, one.taken - old.taken, one.put_out - old.put_out) for one, old in same]
    return LogstashFlow(
        taken=sum(taken for _, taken, _ in flows),
        put_out=sum(put_out for *_, put_out in flows),
        seconds=later.sampled_at - earlier.sampled_at,
        stuck=tuple((name, taken) for name, taken, put_out in flows if taken > 0 and put_out == 0),
        source=later.source,
        sampled_at=later.sampled_at,
    )
