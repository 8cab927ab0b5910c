"""Runs one instance: `python -m lab.api --listen 127.0.0.1:PORT --name api1 --flavour guide`, settings in LABAPI_*."""

import argparse
import signal
import sys

from waitress import create_server

from lab.api.application import Application
from lab.api.config import from_variables

_THREADS = 12


def main() -> int:
    """Serve until a signal ends the process; SIGUSR1 has the logs opened anew."""
    parser = argparse.ArgumentParser(prog="python -m lab.api", description=__doc__)
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    parser.add_argument("--name", required=True)
    parser.add_argument("--flavour", required=True, choices=("guide", "public"))
    given = parser.parse_args()
    try:
        config = from_variables(given.name, given.flavour, given.listen)
    except KeyError as missing:
        parser.error(f"the variable {missing.args[0]} is not set")
    application = Application(config)
    signal.signal(signal.SIGUSR1, lambda *_: application.logs.reopen())
    server = create_server(
        application,
        host=config.host,
        port=config.port,
        threads=_THREADS,
        ident="penhas-api",
        clear_untrusted_proxy_headers=True,
    )
    application.operations.load = lambda: (len(server.active_channels), len(server.task_dispatcher.queue))
    print(server.effective_port, flush=True)  # for whoever asked for port 0
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
