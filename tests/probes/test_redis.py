"""The probe of Redis against a real server, and against what is none."""

import contextlib
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from checks.engine.environment import Environment
from checks.engine.model import ProbeError, Reason, Target
from checks.engine.probes import redis
from checks.engine.readings.redis import RedisConnection, RedisMemory, RedisServer
from lab import redis as lab_redis
from lab.processes import Launcher, Process, free_port
from tests.probes import sockets
from tests.probes.certificates import certificate, server_context
from tests.probes.context import Kept
from tests.probes.sockets import Relay, Talk, serving

NAMES = ("redis_connection", "redis_server", "redis_memory")
SECRET = "SEGREDOMARCADOx2"


@dataclass(slots=True)
class Server:
    """A server with a password, and the user of the shipped ACL."""

    port: int
    process: Process

    def url(self, user: str = "penhas_checks", password: str = SECRET) -> str:
        """Return a URL of this server."""
        return f"redis://{user}:{password}@127.0.0.1:{self.port}/0"

    def command(self, *words: str) -> str:
        """Send a command as the application's user and return the first line of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as talk:
            for line in (("AUTH", SECRET), words):
                talk.sendall(b"*%d\r\n" % len(line) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in line))
            with talk.makefile("rb") as answers:
                answers.readline()
                return answers.readline().decode().strip()


Start = Callable[..., Server]


@pytest.fixture
def start(launcher: Launcher, folder: Path) -> Iterator[Start]:
    started: list[Process] = []

    def run(*settings: str, data: str = "redis") -> Server:
        line = lab_redis.ACL.read_text(encoding="utf-8").strip().replace("resetpass", f"resetpass >{SECRET}")
        users = folder / "users.acl"
        users.write_text(f"user default on >{SECRET} ~* &* +@all\n{line}\n")
        (folder / data).mkdir(exist_ok=True)
        port = free_port()
        lines = (f"port {port}", "bind 127.0.0.1", f"dir {folder / data}", f"aclfile {users}", *settings)
        (folder / "redis.conf").write_text("\n".join(lines))
        process = launcher.start("redis", [lab_redis.find(), folder / "redis.conf"])
        started.append(process)
        server = Server(port, process)
        process.await_ready(lambda: answers(server))
        return server

    yield run
    for process in started:
        process.stop(signal.SIGKILL)  # one that cannot save would refuse to end


def answers(server: Server) -> bool:
    with contextlib.suppress(OSError):
        return server.command("PING") != ""
    return False


def read(url: str, *, seconds: float = 10.0, names: tuple[str, ...] = NAMES, **settings: object) -> Kept:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENHAS_CHECKS_REDIS", url)
        targets = [{"name": "cache", "env": "PENHAS_CHECKS_REDIS"}]
        table = {"name": "t", "redis": {"targets": targets, **settings}}
        kept = Kept(Environment.model_validate(table), Target("redis", "cache"), names, seconds=seconds)
        redis.read(kept)
    assert set(kept.outcomes) == set(names)
    said = "".join(o.why + o.mend if isinstance(o, ProbeError) else repr(o) for o in kept.outcomes.values())
    assert SECRET not in said
    assert "127.0.0.1" not in said
    return kept


def connection(kept: Kept) -> RedisConnection:
    outcome = kept.outcomes["redis_connection"]
    assert isinstance(outcome, RedisConnection), getattr(outcome, "why", outcome)
    return outcome


def problem(kept: Kept) -> str:
    assert not connection(kept).reachable
    assert all(kept.error(name).reason is Reason.CONNECTION for name in NAMES[1:])
    return connection(kept).problem


def ours(kept: Kept) -> str:
    assert all(kept.error(name).reason is Reason.OURS for name in NAMES)
    return kept.error("redis_connection").why


def memory(kept: Kept) -> RedisMemory:
    outcome = kept.outcomes["redis_memory"]
    assert isinstance(outcome, RedisMemory), getattr(outcome, "why", outcome)
    return outcome


def server_of(kept: Kept) -> RedisServer:
    outcome = kept.outcomes["redis_server"]
    assert isinstance(outcome, RedisServer), getattr(outcome, "why", outcome)
    return outcome


def test_the_shipped_acl_suffices_for_every_reading(start: Start) -> None:
    server = start("maxmemory 8mb")
    kept = read(server.url())
    assert connection(kept).reachable
    assert (server_of(kept).role, server_of(kept).loading) == ("master", False)
    assert server_of(kept).connected_clients >= 1
    assert memory(kept).limit == memory(kept).maxmemory == 8 << 20
    assert memory(kept).limit_is == "maxmemory"
    assert memory(kept).used_ratio == memory(kept).used / (8 << 20)


def test_without_maxmemory_the_limit_is_the_host_and_says_so(start: Start) -> None:
    kept = read(start().url())
    assert memory(kept).maxmemory == 0
    assert "maxmemory is not set" in memory(kept).limit_is
    assert 0 < memory(kept).used_ratio < 0.5


@pytest.mark.parametrize("maxmemory", ["0", "64mb"])
def test_a_container_has_less_than_its_host(start: Start, maxmemory: str) -> None:
    """Its memory is the limit where maxmemory is not set, or is more: then the process counts, not its data alone."""
    kept = memory(read(start(f"maxmemory {maxmemory}").url(), memory_bytes=32 << 20))

    assert (kept.limit, kept.limit_is) == (32 << 20, "memory_bytes of the environment file")
    assert kept.used / (32 << 20) < kept.used_ratio < 1.5


def test_maxmemory_is_the_limit_where_the_container_has_more(start: Start) -> None:
    kept = memory(read(start("maxmemory 8mb").url(), memory_bytes=32 << 20))

    assert (kept.limit, kept.limit_is, kept.used_ratio) == (8 << 20, "maxmemory", kept.used / (8 << 20))


def test_a_visit_is_one_connection_and_two_turns(start: Start) -> None:
    relay = Relay(start().port)
    with serving(relay) as port:
        read(f"redis://penhas_checks:{SECRET}@127.0.0.1:{port}/0")
    assert (relay.connections, relay.turns) == (1, 2)


def test_a_replica_is_read_as_one(start: Start) -> None:
    server = start()
    server.command("REPLICAOF", "127.0.0.1", "1")
    kept = read(server.url())
    assert connection(kept).reachable
    assert server_of(kept).role == "slave"


def test_a_failed_save_is_found_although_the_server_answers(start: Start, folder: Path) -> None:
    server = start("save 1 1", "dbfilename taken.rdb", data="unsaved")
    (folder / "unsaved" / "taken.rdb").mkdir()
    server.command("SET", "a", "1")
    server.command("BGSAVE")
    time.sleep(0.4)
    kept = read(server.url())
    assert not connection(kept).reachable
    assert "MISCONF" in connection(kept).problem
    assert server_of(kept).role == "master"


def test_a_loading_server_says_so_and_still_gives_its_readings(start: Start) -> None:
    # The server looks up from loading each 2 MiB: values of 20 kB, and a millisecond for each.
    server = start('save ""', "rdbcompression no", data="loading")
    server.command("EVAL", "local v = string.rep('x', 20000) for i = 1, 2000 do redis.call('SET', i, v) end", "0")
    server.command("SAVE")
    server.process.stop(signal.SIGTERM)
    loading = start("key-load-delay 1000", data="loading")
    kept = read(loading.url())
    assert connection(kept).problem == "loading its data set (LOADING)"
    assert server_of(kept).loading


def test_exhausted_connections_are_told(start: Start) -> None:
    server = start("maxclients 3")
    with contextlib.ExitStack() as opened:
        for _ in range(3):
            holder = opened.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            holder.sendall(b"PING\r\n")
            assert holder.recv(100) != b""
        assert problem(read(server.url())) == "connections exhausted (maxclients)"


def test_a_script_without_end_is_told_by_name(start: Start) -> None:
    server = start()
    server.command("CONFIG", "SET", "lua-time-limit", "20")
    with socket.create_connection(("127.0.0.1", server.port)) as talk:
        talk.sendall(f'AUTH {SECRET}\r\nEVAL "while true do end" 0\r\n'.encode())
        time.sleep(0.1)
        assert problem(read(server.url())).startswith("answers BUSY: a script runs for too long")


def test_a_database_that_is_not_there_is_our_own_fault(start: Start) -> None:
    assert "no database of that number" in ours(read(start().url().removesuffix("/0") + "/99"))


@pytest.mark.parametrize(
    ("user", "password", "expected"),
    [("penhas_checks", "wrong", "password is wrong"), ("nobody", SECRET, "password is wrong")],
)
def test_a_wrong_password_is_our_own_fault(start: Start, user: str, password: str, expected: str) -> None:
    assert expected in ours(read(start().url(user, password)))


def test_a_missing_password_is_our_own_fault(start: Start) -> None:
    assert "demands a password" in ours(read(f"redis://127.0.0.1:{start().port}/0"))


def test_a_user_without_rights_is_denied_with_the_mend(start: Start) -> None:
    server = start()
    server.command("ACL", "SETUSER", "poor", "on", f">{SECRET}", "+ping")
    kept = read(server.url("poor"))
    assert connection(kept).reachable
    assert kept.error("redis_server").reason is Reason.DENIED
    assert "redis.acl" in kept.error("redis_server").mend
    server.command("ACL", "SETUSER", "poorer", "on", f">{SECRET}", "+info")
    kept = read(server.url("poorer"))
    assert kept.error("redis_connection").reason is Reason.DENIED
    assert server_of(kept).role == "master"


def test_a_refused_connection() -> None:
    assert problem(read("redis://127.0.0.1:1/0")) == "connection refused"
    assert "connection refused" in problem(read("unix:///nowhere/redis.sock"))


@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        (sockets.hang, "accepts but does not answer within 0.5 s"),
        (sockets.cut, "the connection was cut"),
        (sockets.rubbish, "answers something that is not Redis"),
        (sockets.http, "answers something that is not Redis"),
        pytest.param(sockets.dripping(b"", b"x"), "accepts but does not answer within 0.5 s", id="drips"),
        pytest.param(
            sockets.dripping(b"$9999999\r\n", b"x"),
            "accepts but does not answer within 0.5 s",
            id="drips-into-a-string",
        ),
        (sockets.dripping(b"+OK\r\n", b"+NO\r\n"), "answers something that is not Redis"),
    ],
)
@pytest.mark.parametrize("login", ["", f":{SECRET}@"])
def test_what_is_no_server(talk: Talk, expected: str, login: str) -> None:
    started = time.monotonic()
    with serving(talk) as port:
        assert problem(read(f"redis://{login}127.0.0.1:{port}/0", seconds=0.5)) == expected
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("after", [1, 5, 30, 900])
def test_a_connection_cut_in_the_middle(start: Start, after: int) -> None:
    with serving(Relay(start().port, after=after)) as port:
        assert problem(read(f"redis://penhas_checks:{SECRET}@127.0.0.1:{port}/0")) == "the connection was cut"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"redis://a:{SECRET}@nobody.invalid/0", "does not resolve"),
        (f"redis://a:{SECRET}@127.0.0.1:x/0", "malformed"),
        (f"redis://a:{SECRET}@127.0.0.1:1/0?nonsense=1", "sets something unknown"),
        (f"{SECRET} is not a URL", "malformed"),
    ],
)
def test_what_is_wrong_with_the_variable_is_our_own_fault(url: str, expected: str) -> None:
    assert expected in ours(read(url))


def test_certificates_are_told_apart(tmp_path: Path) -> None:
    def over_tls(path: Path) -> Talk:
        context = server_context(path)

        def talk(raw: socket.socket) -> None:
            with context.wrap_socket(raw, server_side=True) as wrapped:
                sockets.hang(wrapped)

        return talk

    good, old = certificate(tmp_path), certificate(tmp_path, days=-1)
    with serving(over_tls(good)) as port:
        url = f"rediss://127.0.0.1:{port}/0"
        assert "root that we trust" in ours(read(url))
        assert problem(read(f"{url}?ssl_ca_certs={good}", seconds=0.5)) == "accepts but does not answer within 0.5 s"
    with serving(over_tls(old)) as port:
        url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={old}"
        assert problem(read(url)) == "its TLS certificate has expired"
    with serving(sockets.hang) as port:
        url = f"rediss://127.0.0.1:{port}/0"
        assert problem(read(url, seconds=0.5)) == "accepts but does not answer within 0.5 s"
