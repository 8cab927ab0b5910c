"""Tests of the time in a dump's header, against headers laid out as pg_dump writes them."""

from calendar import timegm

import pytest

from lab.seed.dumps import set_back

TAKEN = timegm((2026, 2, 28, 7, 8, 9))


def header(minor: int, compression: bytes) -> bytes:
    """Return a header of version 1.`minor` with 4-byte integers, 8-byte offsets, and a time of zeros."""
    return b"PGDMP" + bytes((1, minor, 0, 4, 8, 1)) + compression + bytes(7 * 5) + b"the rest"


@pytest.mark.parametrize(("minor", "compression"), [(14, b"\x01\x01\x00\x00\x00"), (15, b"\x01"), (16, b"\x01")])
def test_the_header_bears_the_time_and_nothing_else_changes(minor: int, compression: bytes) -> None:
    before = header(minor, compression)
    after = set_back(before, TAKEN)
    start = 11 + len(compression)
    fields = [int.from_bytes(after[at + 1 : at + 5], "little") for at in range(start, start + 35, 5)]
    assert fields == [9, 8, 7, 28, 1, 126, 0]
    assert after[:start] == before[:start]
    assert after[start + 35 :] == b"the rest"


def test_another_file_is_refused() -> None:
    with pytest.raises(ValueError, match="custom format"):
        set_back(b"-- PostgreSQL database dump", TAKEN)
