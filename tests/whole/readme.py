"""Write the README's table of all checks anew: `python -m tests.whole.readme`; a test fails when it is stale."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BEGIN, END = "<!-- checks:begin -->", "<!-- checks:end -->"


def table() -> str:
    """Return the table that --list makes of the example environment, which has everything that there is."""
    command = [sys.executable, "-m", "pytest", "checks", "--environment=production.example", "--list"]
    command += ["--list-format=markdown", "--expect-version=1", "--deployed-at=1", "-p", "no:cacheprovider"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PENHAS_CHECKS_")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return "\n".join(line for line in done.stdout.splitlines() if line.startswith("|"))


def with_table(text: str) -> str:
    """Return the README with the table of today between its two marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
