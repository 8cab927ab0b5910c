"""What is for operators: health, metrics, Minion's figures and the maintenance routes, each with its guard."""

from collections.abc import Callable

import psycopg

from lab.api import figures, metrics
from lab.api.bucket import Bucket
from lab.api.config import Config
from lab.api.control import Control
from lab.api.counters import Counters
from lab.api.database import Database
from lab.api.health import Health
from lab.api.keyvalue import Redis
from lab.api.logs import Logs
from lab.api.pages import Maintenance
from lab.api.wire import NOT_FOUND, Answer, Request, basic, same

_MAINTENANCE = "/maintenance/"


class Operations:
    """The operators' routes of one instance; `load` tells (open connections, requests waiting) of its server."""

    def __init__(self, config: Config, database: Database, counters: Counters, logs: Logs) -> None:
        self.load: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self._config, self._database, self._counters, self._logs = config, database, counters, logs
        self._redis = Redis(config.redis)
        bucket = Bucket(config.s3_endpoint, config.s3_access_key, config.s3_secret_key, config.s3_bucket)
        self._health = Health(database, config.database, self._redis, config.redis, bucket)
        self._maintenance = Maintenance(database, self._redis, "penhas:" if config.flavour == "guide" else "")
        own: dict[str, Callable[[Request, Control], Answer]] = {
            "/health": self._healthy,
            "/health/detailed": self._detailed,
            "/metrics": self._metrics,
        }
        public: dict[str, Callable[[Request, Control], Answer]] = {
            "/minion": self._minion,
            "/minion/stats": self._minion,
        }
        self._routes = own if config.flavour == "guide" else public

    def answer(self, request: Request, control: Control) -> Answer | None:
        """Return the answer, or None where the path is not an operators' one."""
        if request.path.startswith(_MAINTENANCE):
            return self._maintained(request, control)
        route = self._routes.get(request.path)
        return None if route is None else route(request, control)

    def _healthy(self, request: Request, control: Control) -> Answer:
        status, document = self._health.answer(control, self._config.version)
        return Answer(status, request.path, document)

    def _detailed(self, request: Request, control: Control) -> Answer:
        if not control.open_detailed and not same(request.authorization, f"Bearer {self._config.token}"):
            return Answer(401, request.path, {"error": "unauthorized"}, challenge="Bearer")
        document = figures.detailed(self._database, self._redis, self._counters, control)
        return Answer(200, request.path, document)

    def _minion(self, request: Request, control: Control) -> Answer:
        if not control.open_admin and not basic(request.authorization, "admin", self._config.token):
            return Answer(401, request.path, {"error": "unauthorized"}, challenge='Basic realm="Minion"')
        if request.path == "/minion":
            return Answer(200, request.path, "<!doctype html><title>Minion</title>", "text/html;charset=UTF-8")
        return Answer(200, request.path, self._statistics(control))

    def _statistics(self, control: Control) -> dict[str, object]:
        claimed = {} if control.inactive is None else dict.fromkeys(("inactive", "inactive_jobs"), control.inactive)
        return figures.minion_stats(self._database) | claimed

    def _maintained(self, request: Request, control: Control) -> Answer:
        name = request.path.removeprefix(_MAINTENANCE)
        stats = name == "minion-stats" and self._config.flavour == "guide"
        if not stats and name not in self._maintenance.routes:
            return NOT_FOUND
        secret = request.asked.get("secret", "")
        if not control.open_maintenance and not same(secret, self._config.maintenance_secret):
            return Answer(403, request.path, {"error": "forbidden"})
        document = self._statistics(control) if stats else self._maintenance.routes[name]()
        return Answer(200, request.path, document)

    def _metrics(self, request: Request, control: Control) -> Answer:
        """Answer the scrape; while the database is away its series are missing, and the rest is there."""
        lines = list(metrics.requests(self._counters))
        pool = self._database.busy, self._database.size
        lines += metrics.process(self._counters, self._config.version, self.load(), pool)
        try:
            lines += metrics.database(figures.minion_stats(self._database), figures.business(self._database))
        except psycopg.Error as error:
            self._logs.write("ERROR", "Penhas.Controller", f"/metrics: {error}".replace("\n", " "))
        dropped = tuple(control.drop_metrics)
        text = "".join(f"{line}\n" for line in lines if not (dropped and line.startswith(dropped)))
        return Answer(200, request.path, text, metrics.CONTENT_TYPE)
