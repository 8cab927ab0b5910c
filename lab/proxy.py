"""Small TCP proxies before every service: what a network can do to a connection. The supervisor runs them."""

import asyncio
import contextlib
import enum
import socket
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lab.processes import free_port

RUBBISH = b"\x15\x03%% 7d2f-not-a-protocol \xff\xfe\r\n" * 8
_T = TypeVar("_T")
Edit = Callable[[bytes], bytes]


class Mode(enum.Enum):
    """What the proxy does to connections."""

    PASS = "pass"  # noqa: S105 (no password)
    REFUSED = "refused"  # nobody listens
    HANG = "hang"  # accepts, never answers
    SLOW = "slow"  # `delay` seconds more a round trip, and as many for the handshake of the connection
    CUT = "cut"  # closes in the middle of the first answer
    RUBBISH = "rubbish"  # answers what is no protocol


@dataclass(slots=True)
class Counters:
    """What went through: `turns` counts the client's messages that follow an answer, that is, round trips."""

    connections: int = 0
    turns: int = 0
    bytes_up: int = 0
    bytes_down: int = 0


@dataclass(slots=True)
class Proxy:
    """One listening port before one server, called from the address `source` where there is one.

    Used only in the loop of its `Proxies`.
    """

    name: str
    upstream: tuple[str, int]
    source: str = ""
    port: int = field(default_factory=free_port)
    mode: Mode = Mode.PASS
    delay: float = 0.0
    edit: Edit = bytes  # what becomes of the answers' bytes; as many must come out as go in
    counters: Counters = field(default_factory=Counters)
    _holder: socket.socket | None = None
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> None:
        """Listen."""
        # bound but never listening: keeps the port ours while the fault "refused" closes the listener
        self._holder = _bound(self.port)
        await self._listen()

    async def set(self, mode: Mode, delay: float = 0.0) -> None:
        """Change what happens to connections; those that are open are closed unless the change is only a delay."""
        gentle = {self.mode, mode} <= {Mode.PASS, Mode.SLOW}
        self.mode, self.delay = mode, delay
        if not gentle:
            await self.drop()
        if mode is Mode.REFUSED:
            await self._stop_listening()
        elif self._server is None:
            await self._listen()

    async def stop(self) -> None:
        """Close everything and let go of the port."""
        await self._stop_listening()
        await self.drop()
        if self._holder is not None:
            self._holder.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, sock=_bound(self.port), backlog=256)

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def drop(self) -> None:
        """Close every open connection."""
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.counters.connections += 1
        self._open.add(writer)
        try:
            if self.mode is Mode.HANG:
                await writer.wait_closed()
            elif self.mode is Mode.RUBBISH:
                while await reader.read(65536):
                    writer.write(RUBBISH)
            else:
                await self._forward(reader, writer)
        except OSError:
            pass  # either side went away: that is what connections do
        finally:
            self._open.discard(writer)
            writer.transport.abort() if self.mode is Mode.CUT else writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source = None if self.source == "" else (self.source, 0)
        their_reader, their_writer = await asyncio.open_connection(*self.upstream, local_addr=source)
        self._open.add(their_writer)
        talk = _Talk()
        pumps = [
            asyncio.ensure_future(self._up(reader, their_writer, talk)),
            asyncio.ensure_future(self._down(their_reader, writer, talk)),
        ]
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            if pumps[1] not in done:  # the client has said its last; the answer may still come
                await pumps[1]
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._open.discard(their_writer)
            their_writer.close()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, talk: "_Talk") -> None:
        due = 0.0
        extra = self.delay  # the handshake, which the kernel has answered already
        while data := await reader.read(65536):
            if not talk.client_speaks:
                talk.client_speaks = True
                self.counters.turns += 1
            self.counters.bytes_up += len(data)
            due = await _deliver(writer, data, self.delay / 2 + extra, due)
            extra = 0.0
        await _deliver(writer, b"", self.delay / 2, due)

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, talk: "_Talk") -> None:
        due = 0.0
        while data := await reader.read(65536):
            talk.client_speaks = False
            data = self.edit(data)
            self.counters.bytes_down += len(data)
            if self.mode is Mode.CUT:
                writer.write(data[: len(data) // 2])
                await writer.drain()
                return
            due = await _deliver(writer, data, self.delay / 2, due)
        while due > asyncio.get_running_loop().time():
            await asyncio.sleep(due - asyncio.get_running_loop().time())


@dataclass(slots=True)
class _Talk:
    client_speaks: bool = False


async def _deliver(writer: asyncio.StreamWriter, data: bytes, delay: float, after: float) -> float:
    """Write `data` (nothing: end of the stream) in `delay` seconds but never before what came before; return when."""
    loop = asyncio.get_running_loop()
    due = max(loop.time() + delay, after + 1e-6)
    if delay <= 0 and after <= loop.time():
        _put(writer, data)
        await writer.drain()
    else:
        loop.call_at(due, _put, writer, data)
    return due


def _put(writer: asyncio.StreamWriter, data: bytes) -> None:
    if data:
        writer.write(data)
        return
    with contextlib.suppress(OSError, RuntimeError):
        if writer.can_write_eof():
            writer.write_eof()


def _bound(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    made.setblocking(False)
    return made


class Proxies:
    """All proxies of a lab and the thread in which they run; the methods are for other threads."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
        self.by_name: dict[str, Proxy] = {}
        self._thread = threading.Thread(target=self.loop.run_forever, name="proxies", daemon=True)
        self._thread.start()

    def add(self, name: str, port: int, source: str = "") -> Proxy:
        """Start a proxy called `name` before 127.0.0.1:`port`, which calls it from `source` where that is given."""
        proxy = Proxy(name, ("127.0.0.1", port), source)
        self.call(proxy.start())
        self.by_name[name] = proxy
        return proxy

    def remove(self, name: str) -> None:
        """Stop one proxy, and close what goes through it."""
        self.call(self.by_name.pop(name).stop())

    def set(self, name: str, mode: Mode, delay: float = 0.0) -> None:
        """Put one proxy into a mode; `delay` is in seconds a round trip."""
        self.call(self.by_name[name].set(mode, delay))

    def redirect(self, name: str, port: int) -> None:
        """Let one proxy lead to another port of 127.0.0.1 from now on; open connections are closed."""
        self.by_name[name].upstream = ("127.0.0.1", port)
        self.call(self.by_name[name].drop())

    def edit(self, name: str, change: Edit) -> None:
        """Let what one proxy brings back go through `change`, which returns as many bytes as it gets."""
        self.by_name[name].edit = change

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run `work` in the loop of the proxies and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def stop(self) -> None:
        """Stop all proxies and their thread."""
        for proxy in self.by_name.values():
            self.call(proxy.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
