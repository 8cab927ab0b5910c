"""A real PgBouncer that lends one connection to whoever asks, in transaction mode; for tests of pools."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from lab.processes import Launcher, free_port, listens

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")


@contextlib.contextmanager
def bouncing(folder: Path, server: str, users: tuple[str, ...], more: str = "") -> Iterator[int]:
    """Run one whose files lie in `folder` and give its port.

    `server` is the database that it lends, in its own words (`penhas = host=… port=…`), `users` who may ask for it,
    each as the role that it says it is; `more` is a line of settings.
    """
    assert PROGRAM is not None
    port = free_port()
    (folder / "logs").mkdir(exist_ok=True)
    (folder / "users.txt").write_text("".join(f'"{user}" ""\n' for user in users))
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n{server} pool_size=1\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\n"
        f"auth_file = {folder / 'users.txt'}\npool_mode = transaction\n{more}\n"
    )
    process = Launcher(folder).start("pgbouncer", [PROGRAM, settings])
    try:
        process.await_ready(lambda: listens(port))
        yield port
    finally:
        process.stop()
