"""`python -m tests.bench [NAME …]`: run all benches, or the named ones, against a lab of their own."""

import argparse
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from lab.client import Lab
from tests.bench.frame import BENCHES, ROOT, Row, progress, report


def main() -> int:
    """Return 0 when every target was met."""
    for module in sorted(Path(__file__).parent.glob("bench_*.py")):
        import_module(f"tests.bench.{module.stem}")
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(BENCHES)}")
    names = parser.parse_args().names or list(BENCHES)
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        parser.error(f"no bench {unknown[0]!r}; there are: {', '.join(BENCHES)}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, Lab.up(folder=Path(folder) / "lab") as lab:
        for name in names:
            progress(name)
            rows += BENCHES[name](lab)
    return 0 if report(rows, ROOT / "reports/bench") else 1


if __name__ == "__main__":
    sys.exit(main())
