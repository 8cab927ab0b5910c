"""Visitors: a light, steady stream of requests to every API instance, so that its counters have something to count."""

import asyncio
import contextlib
import itertools

from lab.api_processes import Api
from lab.proxy import Proxies

_PATIENCE = 15.0
_AT_ONCE = 16


class Traffic:
    """Asks each instance directly (not through the suite's proxies) at `rate` requests a second."""

    def __init__(self, proxies: Proxies, apis: tuple[Api, ...], paths: tuple[str, ...], rate: float) -> None:
        self.rate = rate
        self._paths = paths
        self._proxies = proxies
        self._tasks = [asyncio.run_coroutine_threadsafe(self._visit(api), proxies.loop) for api in apis]

    def stop(self) -> None:
        """Send no further request."""
        for task in self._tasks:
            task.cancel()

    async def _visit(self, api: Api) -> None:
        under_way: set[asyncio.Task[None]] = set()
        for path in itertools.cycle(self._paths):
            await asyncio.sleep(1 / self.rate if self.rate > 0 else 1)
            if self.rate > 0 and len(under_way) < _AT_ONCE:
                task = asyncio.ensure_future(_ask(api, path))
                under_way.add(task)
                task.add_done_callback(under_way.discard)


async def _ask(api: Api, path: str) -> None:
    with contextlib.suppress(OSError, TimeoutError):  # a broken API is what the lab is for
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: penhas\r\nUser-Agent: visitor\r\n\r\n".encode())
                while await reader.read(65536):
                    pass
            finally:
                writer.close()
