"""Minion's jobs: a month of finished ones, all failed ones (repair keeps them), none waiting for a worker."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from lab import marked
from lab.seed.rhythm import DAY, HOUR, Stream
from lab.seed.window import Rows, Window, at

RETENTION = 31.0
FINISHED = Stream("jobs", 40, days=RETENTION, settle=60)
FAILED = Stream("jobs failed", 0.4, settle=60)

_TASKS = ("news_indexer", "news_display_indexer", "new_notification", "send_sms", "cliente_update_cep", "delete_audio")
_OFTEN = (35, 25, 15, 12, 8, 5)


def jobs(window: Window) -> Iterator[Rows]:
    """Yield jobs done; a failure younger than a day is left out, so that no lab comes up with a fresh one."""
    rows = [_job(window, t, rng, "finished") for t, rng in window.moments(FINISHED)]
    rows += [_job(window, t, rng, "failed") for t, rng in window.moments(FAILED) if t < window.now - DAY - 2 * HOUR]
    columns = "id args created delayed started finished priority state task worker result"
    yield Rows("minion_jobs", columns, rows)


def _job(window: Window, moment: float, rng: Random, state: str) -> tuple[Any, ...]:
    task = rng.choices(_TASKS, _OFTEN)[0]
    started = moment + rng.uniform(0.01, 3)
    result = "ok" if state == "finished" else f"HTTP 500: {marked.word('resultado', rng.randrange(900))}"
    if task == "send_sms" and state == "finished":
        result = f"enviado a {marked.phone(rng.randrange(10000))}"
    done = at(started + rng.uniform(0.05, 4))
    args = json.dumps(arguments(task, window.client(rng, moment), rng))
    number = window.next_id("minion_jobs")
    return number, args, at(moment), at(moment), at(started), done, 0, state, task, 1, json.dumps(result)


def arguments(task: str, client: int, rng: Random) -> list[object]:
    """Return what such a job is given; a message to a guardian holds her number and the text."""
    if task == "send_sms":
        return [marked.phone(rng.randrange(10000)), f"{marked.word('sms', client)}: preciso de ajuda"]
    if task in ("news_indexer", "news_display_indexer"):
        return [rng.randint(1, 900)]
    if task == "cliente_update_cep":
        return [client, marked.postcode(client)]
    return [client]
