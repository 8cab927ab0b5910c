"""Tests of the Redis client against answers that a server may give; a real server answers in test_endpoints."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from lab.api.keyvalue import Redis, RedisError


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                heard.append(connection.recv(4096))
                connection.sendall(answer)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}", heard
        thread.join(2)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"+PONG\r\n", "PONG"),
        (b":7\r\n", 7),
        (b"$5\r\na\r\nbc\r\n", "a\r\nbc"),
        (b"$-1\r\n", None),
        (b"$0\r\n\r\n", ""),
    ],
)
def test_answers(answer: bytes, expected: object) -> None:
    with answering(answer) as (where, _):
        assert Redis(f"redis://{where}/").command("X") == expected


@pytest.mark.parametrize(
    "answer", [b"-NOAUTH Authentication required.\r\n", b"\x00rubbish\r\n", b"", b"HTTP/1.1 400\r\n"]
)
def test_a_refusal_or_rubbish_is_an_error(answer: bytes) -> None:
    with answering(answer) as (where, _), pytest.raises(RedisError):
        Redis(f"redis://{where}/").command("PING")


def test_it_logs_in_before_the_command() -> None:
    with answering(b"+OK\r\n+OK\r\n+PONG\r\n") as (where, heard):
        Redis(f"redis://user:p%40ss@{where}/2").ping()
    assert heard == [
        b"*3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$4\r\np@ss\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n*1\r\n$4\r\nPING\r\n"
    ]
