"""A ping to a service that notices when a run stays away; its URL is a secret and is never shown.

The convention is that of healthchecks.io: `<url>/start`, `<url>` for success, `<url>/fail`. A ping that fails is a
report error, never a verdict.
"""

import logging
import threading

_TIMEOUT = (2.0, 2.0)


class PingError(OSError):
    """A ping that did not arrive; holds our words only."""


def started(url: str, run_id: str) -> None:
    """Say that a run begins, without waiting for the answer."""
    threading.Thread(target=_quietly, args=(f"{url}/start", run_id), daemon=True).start()


def finished(url: str, run_id: str, *, success: bool) -> None:
    """Say that a run ended well or not; raise PingError when that did not arrive."""
    ping(url if success else f"{url}/fail", run_id)


def ping(url: str, run_id: str) -> None:
    """Ask for `url` once; raise PingError with neither the URL nor the library's words."""
    import requests  # noqa: PLC0415 (a tenth of a second, and most runs have no heartbeat)

    logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)  # it logs paths, and with them the secret
    try:
        answer = requests.get(
            url, timeout=_TIMEOUT, allow_redirects=False, headers={"User-Agent": f"penhas-checks/{run_id}"}
        )
    except (requests.RequestException, ValueError, UnicodeError) as error:
        raise PingError(None, f"the heartbeat did not arrive ({type(error).__name__})") from None
    if not answer.ok or answer.is_redirect:
        raise PingError(None, f"the heartbeat was answered with status {answer.status_code}")


def _quietly(url: str, run_id: str) -> None:
    try:
        ping(url, run_id)
    except PingError:
        return  # the ping at the end says so
