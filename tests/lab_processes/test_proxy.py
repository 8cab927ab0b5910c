"""The proxies do to a connection what they say, measured on a server that echoes."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from lab.processes import free_port
from lab.proxy import RUBBISH, Mode, Proxies, Proxy


@pytest.fixture
def echo() -> Iterator[int]:
    """Run a server that sends back what it gets, and give its port."""
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as listener:

        def serve() -> None:
            while True:
                try:
                    talk, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(talk,), daemon=True).start()

        def answer(talk: socket.socket) -> None:
            with talk:
                while data := talk.recv(65536):
                    talk.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        yield port
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxies() -> Iterator[Proxies]:
    """Run proxies of this test's own."""
    made = Proxies()
    yield made
    made.stop()


@pytest.fixture
def proxy(proxies: Proxies, echo: int) -> Proxy:
    """Give a proxy before the echo."""
    return proxies.add("echo", echo)


def connect(proxy: Proxy) -> socket.socket:
    """Return a connection through the proxy that waits half a second for answers."""
    return socket.create_connection(("127.0.0.1", proxy.port), 0.5)


def test_pass_counts_connections_round_trips_and_bytes(proxy: Proxy) -> None:
    """What goes through arrives whole, and is counted: two messages without an answer between are one round trip."""
    big = b"x" * 300_000
    with connect(proxy) as talk:
        for _ in range(3):
            talk.sendall(b"ping")
            assert talk.recv(100) == b"ping"
        talk.sendall(big)
        got = b""
        while len(got) < len(big):
            got += talk.recv(65536)
    assert got == big
    assert proxy.counters.connections == 1
    assert proxy.counters.bytes_up == proxy.counters.bytes_down == len(big) + 12


def test_end_of_stream_goes_through(proxy: Proxy) -> None:
    """A client that has said its last still gets its answer."""
    with connect(proxy) as talk:
        talk.sendall(b"last words")
        talk.shutdown(socket.SHUT_WR)
        assert talk.recv(100) == b"last words"
        assert talk.recv(100) == b""


def test_refused_keeps_the_port_and_comes_back(proxies: Proxies, proxy: Proxy) -> None:
    """Refused is refused, also for connections that were open; nobody else can take the port meanwhile."""
    with connect(proxy) as before:
        before.sendall(b"1")
        assert before.recv(1) == b"1"
        proxies.set("echo", Mode.REFUSED)
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
        with socket.socket() as thief, pytest.raises(OSError, match="in use"):
            thief.bind(("127.0.0.1", proxy.port))
        assert before.recv(1) == b""
    proxies.set("echo", Mode.PASS)
    with connect(proxy) as after:
        after.sendall(b"2")
        assert after.recv(1) == b"2"


def test_hang_accepts_and_never_answers(proxies: Proxies, proxy: Proxy) -> None:
    """The connection stands, no answer comes; mended, it is closed rather than left hanging."""
    proxies.set("echo", Mode.HANG)
    with connect(proxy) as talk:
        talk.sendall(b"ping")
        with pytest.raises(TimeoutError):
            talk.recv(1)
        proxies.set("echo", Mode.PASS)
        assert talk.recv(1) == b""


@pytest.mark.parametrize("delay", [0.05, 0.2])
def test_slow_adds_its_delay_once_a_round_trip(proxies: Proxies, proxy: Proxy, delay: float) -> None:
    """N round trips cost N delays, and the handshake one more; what is pipelined shares one."""
    proxies.set("echo", Mode.SLOW, delay)
    with connect(proxy) as talk:
        talk.settimeout(3)
        started = time.monotonic()
        for _ in range(3):
            talk.sendall(b"ping")
            assert talk.recv(100) == b"ping"
        took = time.monotonic() - started
        assert 4 * delay <= took < 4 * delay + 0.15
        started = time.monotonic()
        for number in b"abcdefgh":
            talk.sendall(bytes((number,)))
            time.sleep(0.001)
        got = b""
        while len(got) < 8:
            got += talk.recv(100)
        assert got == b"abcdefgh"
        assert delay <= time.monotonic() - started < delay + 0.15
    proxies.set("echo", Mode.PASS)


def test_cut_closes_in_the_middle_of_the_answer(proxies: Proxies, proxy: Proxy) -> None:
    """Half of the first answer arrives, then the end."""
    proxies.set("echo", Mode.CUT)
    with connect(proxy) as talk:
        talk.sendall(b"0123456789")
        got = b""
        try:
            while data := talk.recv(100):
                got += data
        except ConnectionResetError:
            pass
    assert got in {b"01234", b""}


def test_rubbish_is_no_answer(proxies: Proxies, proxy: Proxy) -> None:
    """Whatever is asked, the answer is the same noise."""
    proxies.set("echo", Mode.RUBBISH)
    with connect(proxy) as talk:
        talk.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert talk.recv(len(RUBBISH)) == RUBBISH


def test_redirect_leads_elsewhere(proxies: Proxies, proxy: Proxy) -> None:
    """After a redirect to a port where nobody listens, connections end at once."""
    proxies.redirect("echo", free_port())
    with connect(proxy) as talk:
        assert talk.recv(1) == b""
