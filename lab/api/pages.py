"""The application's own paths: a few public GETs, so that traffic can be made, and the maintenance routes."""

from collections.abc import Callable, Mapping
from typing import Any

from lab.api.database import Database
from lab.api.keyvalue import Redis

Page = tuple[int, object]

_PAGE = 20


class Pages:
    """The public paths, answered from the database as the application does."""

    def __init__(self, database: Database, version: str) -> None:
        self._query = database.query
        self.routes: dict[str, Callable[[Mapping[str, str]], Page]] = {
            "/": lambda _: (200, {"api": "PenhaS", "version": version}),
            "/pontos-de-apoio": self._points,
            "/pontos-de-apoio-dados-auxiliares": self._point_data,
            "/pontos-de-apoio/:id": self._point,
            "/anonymous-questionnaires": self._questionnaires,
            "/noticias": self._news,
        }

    def _points(self, asked: Mapping[str, str]) -> Page:
        latitude, longitude = float(asked.get("latitude", "-23.55")), float(asked.get("longitude", "-46.63"))
        words = asked.get("keywords", "")
        if words:
            self._query("INSERT INTO ponto_apoio_keywords_log (keywords) VALUES (%s)", words[:200])
        rows = self._query(
            "SELECT id, nome, municipio, uf, latitude::float, longitude::float FROM ponto_apoio"
            " WHERE busca LIKE '%%' || sem_acento(%s) || '%%'"
            " ORDER BY (latitude - %s) ^ 2 + (longitude - %s) ^ 2 LIMIT %s",
            words,
            latitude,
            longitude,
            _PAGE + 1,
        )
        return 200, {"rows": rows[:_PAGE], "has_more": int(len(rows) > _PAGE)}

    def _point(self, asked: Mapping[str, str]) -> Page:
        rows = self._query("SELECT id, nome, municipio, uf FROM ponto_apoio WHERE id = %s", int(asked["id"]))
        return (200, {"ponto_apoio": rows[0]}) if rows else (404, {"error": "not_found"})

    def _point_data(self, _: Mapping[str, str]) -> Page:
        rows = self._query("SELECT id, label, color FROM ponto_apoio_categoria ORDER BY id")
        return 200, {"categorias": rows, "dados_auxiliares": {"abrangencias": ["local", "regional", "nacional"]}}

    def _questionnaires(self, _: Mapping[str, str]) -> Page:
        rows = self._query("SELECT id, name FROM questionnaires WHERE active AND is_anonymous ORDER BY id")
        return 200, {"questionnaires": rows}

    def _news(self, _: Mapping[str, str]) -> Page:
        rows = self._query("SELECT id, title, hyperlink FROM noticias ORDER BY display_created_time DESC LIMIT 20")
        return 200, {"noticias": rows}


class Maintenance:
    """What the cron jobs call. Each changes something: a monitor must not."""

    def __init__(self, database: Database, redis: Redis, namespace: str) -> None:
        self._query, self._redis, self._namespace = database.query, redis, namespace
        self.routes: dict[str, Callable[[], object]] = {
            "housekeeping": self._housekeeping,
            "tick-notifications": self._tick_notifications,
            "tick-rss": self._tick_rss,
            "tags-clear-cache": self._clear_tags,
            "reindex-all-news": self._reindex,
            "fix_tweets_parent_id": lambda: {"ok": 1},
        }

    def _housekeeping(self) -> object:
        self._query("DELETE FROM minion_jobs WHERE state = 'finished' AND finished < now() - interval '31 days'")
        self._query("UPDATE clientes_guardioes SET status = 'refused' WHERE status = 'pending' AND expires_at < now()")
        return {"is_ok": "OK", "errors": []}

    def _tick_notifications(self) -> object:
        locked = self._redis.command("SET", f"{self._namespace}_tick_notifications", "1", "EX", "50", "NX")
        return {"ok": int(locked is not None)}

    def _tick_rss(self) -> object:
        rows: list[dict[str, Any]] = self._query(
            "UPDATE rss_feeds SET last_run = now(), next_tick = now() + interval '5 minutes'"
            " WHERE next_tick < now() RETURNING id"
        )
        return {"ok": 1, "feeds": len(rows)}

    def _clear_tags(self) -> object:
        return {"ok": self._redis.command("DEL", f"{self._namespace}cache:tags")}

    def _reindex(self) -> object:
        self._query("UPDATE noticias SET indexed_at = now() WHERE indexed_at IS NULL")
        return {"ok": 1}
