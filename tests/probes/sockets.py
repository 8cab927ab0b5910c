"""Small raw servers on 127.0.0.1 that do what a broken network or a wrong program does to a client."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

Talk = Callable[[socket.socket], None]


@contextlib.contextmanager
def serving(talk: Talk) -> Iterator[int]:
    """Yield the port of a server that gives each connection to `talk`, in a thread of its own, and then closes it."""
    stopped = threading.Event()
    taken: list[socket.socket] = []

    def one(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            talk(connection)

    def accept() -> None:
        while not stopped.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            taken.append(connection)
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stopped.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            for connection in taken:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            thread.join(2)


def hang(connection: socket.socket) -> None:
    """Read what comes and never answer."""
    while connection.recv(4096):
        pass


def cut(connection: socket.socket) -> None:
    """Close after the first words of the client."""
    connection.recv(4096)


def rubbish(connection: socket.socket) -> None:
    """Answer with bytes of no protocol at all, for as long as the client listens."""
    connection.recv(4096)
    for _ in range(64):
        connection.sendall(b"\x15\x03%% 7d2f-no-protocol \xff\xfe\r\n" * 64)


def http(connection: socket.socket) -> None:
    """Answer as a web server does to what is no HTTP."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def dripping(first: bytes, drop: bytes, every: float = 0.1) -> Talk:
    """Return a talk that answers `first` and then a drop at a time without end, never silent and never done."""

    def drip(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(first)
        pause = threading.Event()
        while not pause.wait(every):
            connection.sendall(drop)

    return drip


class Relay:
    """Stands before a real server: counts connections and turns, and can stop or cut after so many bytes of answer."""

    def __init__(self, port: int, *, after: int | None = None, then: str = "cut") -> None:
        self._port = port
        self._left = after
        self._then = then
        self.connections = 0
        self.turns = 0

    def __call__(self, client: socket.socket) -> None:
        """Carry one connection."""
        self.connections += 1
        answered = threading.Event()
        answered.set()
        with socket.create_connection(("127.0.0.1", self._port)) as server:
            back = threading.Thread(target=self._back, args=(server, client, answered), daemon=True)
            back.start()
            while data := client.recv(65536):
                if answered.is_set():
                    self.turns += 1
                    answered.clear()
                server.sendall(data)

    def _back(self, server: socket.socket, client: socket.socket, answered: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if self._left is not None:
                    data, self._left = data[: self._left], self._left - len(data)
                answered.set()  # before it is sent: the client may speak again at once
                client.sendall(data)
                if self._left is not None and self._left <= 0:
                    if self._then == "cut":
                        client.shutdown(socket.SHUT_RDWR)
                    return
