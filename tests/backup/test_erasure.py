"""What a run that is interrupted removes stays removed."""

import os
import subprocess
import sys
from pathlib import Path

from tests.engine.suites import ROOT

INTERRUPTED = """
import subprocess, sys, threading, time
from pathlib import Path
from checks.engine.probes.backup.erasure import at_exit

path = Path(sys.argv[1])
path.mkdir()
entered = threading.Event()

def restore():
    with at_exit(path):
        entered.set()
        time.sleep(60)

threading.Thread(target=restore, daemon=True).start()
entered.wait()
# as initdb does that was just being started: it makes its folder with all above it
subprocess.Popen(["sh", "-c", 'while [ -e "$MADE" ]; do sleep 0.01; done; mkdir -p "$MADE/data"'])
"""


def test_what_is_made_anew_meanwhile_is_removed_too(tmp_path: Path) -> None:
    path = tmp_path / "scratch"
    variables = {**os.environ, "MADE": str(path)}
    command = [sys.executable, "-c", INTERRUPTED, str(path)]
    subprocess.run(command, cwd=ROOT, env=variables, check=True, timeout=60, stdin=subprocess.DEVNULL)
    assert not path.exists()
