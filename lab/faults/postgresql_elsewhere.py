"""Sessions that come from another address than the server's own loopback, as those of other machines do."""

import socket

import psycopg

from lab import postgresql
from lab.faults.registry import Fault, register
from lab.running import Running
from lab.state import LabError

_THROUGH = "elsewhere"
_NOWHERE = ("192.0.2.1", 9)  # an address kept for documents; asked only which of our own leads there


def _own_address() -> str:
    """Return an address of this machine that is not its loopback; nothing is sent."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.connect(_NOWHERE)
            address: str = asked.getsockname()[0]
    except OSError:
        address = "127.0.0.1"
    if address.startswith("127."):
        raise LabError("this machine has no address beside its loopback: give it one (ip addr add 192.0.2.2/24 dev lo)")
    return address


def _plaintext(running: Running) -> None:
    proxy = running.proxies.add(_THROUGH, running.primary.port, source=_own_address())
    role = f"{postgresql.OWNER}:{running.credentials.owner}"
    dsn = f"postgresql://{role}@127.0.0.1:{proxy.port}/{postgresql.DATABASE}?sslmode=disable"
    running.kept[_THROUGH] = psycopg.connect(dsn, autocommit=True, connect_timeout=5, application_name="lab")


def _encrypted_or_gone(running: Running) -> None:
    running.kept.pop(_THROUGH).close()
    running.proxies.remove(_THROUGH)


register(
    Fault(
        "postgresql-plaintext-session",
        "a session from another address than the loopback is not encrypted",
        ("postgresql",),
        {"postgresql-tls@primary": "CRITICAL"},
        _plaintext,
        _encrypted_or_gone,
    )
)
