"""The command line of the lab: up, status, faults, break, mend, down and run."""

import argparse
import difflib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import TextIO

from lab.client import Lab, down, running_pid
from lab.state import FOLDER_VARIABLE, LabError, locked, places

_EPILOG = f"""\
The state of the running lab is kept in ${FOLDER_VARIABLE} (default: $XDG_STATE_HOME/penhas-checks/lab);
another folder is another lab, beside the first. To play:

  python -m lab up
  python -m lab break redis-cache-refused
  pytest checks --environment=lab
  python -m lab mend redis-cache-refused
  python -m lab down
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks and return the exit code; whoever reads may have read enough, as in `| head`."""
    try:
        try:
            return _main(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _write_to_nobody(sys.stdout)
        return 0


def _write_to_nobody(stream: TextIO) -> None:
    """Let what is still to be written, by Python's own end too, go nowhere."""
    nobody = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nobody, stream.fileno())
    os.close(nobody)


def _main(arguments: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    # what follows `run --` is another program's command line
    cut = given.index("--") if given[:1] == ["run"] and "--" in given else len(given)
    options = _parser().parse_args(given[:cut])
    options.argv = given[cut + 1 :]
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGHUP, _terminated)
    try:
        code: int = options.do(options)
    except LabError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _terminated(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _up(options: argparse.Namespace) -> int:
    where = places()
    if running_pid(where) is not None:
        _say(f"a lab is running already in {where.state}")
        return 0
    started = time.monotonic()
    lab = _start(options, owned=False)
    _say(f"up in {time.monotonic() - started:.1f} s; environment file: {lab.environment_file}")
    return 0


def _start(options: argparse.Namespace, *, owned: bool) -> Lab:
    return Lab.up(
        flavour=options.flavour,
        postgresql=options.postgresql,
        traffic=options.traffic,
        monitoring=options.monitoring,
        owned=owned,
        say=_say,
    )


def _down(_options: argparse.Namespace) -> int:
    where = places()
    with locked(where):
        _say("down" if down(where) else f"no lab was running in {where.state}")
    return 0


def _status(options: argparse.Namespace) -> int:
    found = Lab.attach().status()
    if options.json:
        print(json.dumps(found, indent=1))
        return 0
    print(f"{found['flavour']} flavour, PostgreSQL: {found['postgresql']}")
    for name, process in found["processes"].items():
        print(f"  {name:<10} {'up' if process['alive'] else 'DEAD':<5} pid {process['pid']:<8} {process['log']}")
    for name, proxy in found["proxies"].items():
        print(f"  proxy {name:<14} 127.0.0.1:{proxy['port']} {proxy['mode']:<8} {proxy['connections']} connections")
    for line in found["missing"]:
        print(f"  {line}")
    print("broken: " + (", ".join(found["broken"]) or "nothing"))
    return 0


def _faults(options: argparse.Namespace) -> int:
    from lab.faults import FAULTS  # noqa: PLC0415 (it brings the drivers)

    if options.json:
        print(json.dumps({name: dict(fault.expect) for name, fault in FAULTS.items()}, indent=1))
        return 0
    for name, fault in FAULTS.items():
        print(f"{name:<36} {fault.what}")
    return 0


def _break(options: argparse.Namespace) -> int:
    lab = Lab.attach()
    _known(options.fault)
    lab.break_(options.fault)
    _say(f"broken: {options.fault}; mend it with: python -m lab mend {options.fault}")
    return 0


def _mend(options: argparse.Namespace) -> int:
    lab = Lab.attach()
    names = lab.status()["broken"] if options.fault == "all" else [options.fault]
    for name in names:
        _known(name)
        lab.mend(name)
        _say(f"mended: {name}")
    return 0


def _known(fault: str) -> None:
    from lab.faults import FAULTS  # noqa: PLC0415 (it brings the drivers)

    if fault not in FAULTS:
        near = difflib.get_close_matches(fault, FAULTS, 3)
        hint = f": did you mean {', '.join(near)}?" if near else ": python -m lab faults"
        raise LabError(f"no fault is called {fault!r}{hint}")


def _run(options: argparse.Namespace) -> int:
    if not options.argv:
        raise LabError("run what? python -m lab run -- COMMAND…")
    where = places()
    if running_pid(where) is not None:
        return _command(Lab.attach(), options.argv)
    with _start(options, owned=True) as lab:
        return _command(lab, options.argv)


def _command(lab: Lab, argv: Sequence[str]) -> int:
    """Run a command with the lab's variables, pass signals on to it, and return its exit code."""
    variables = {**os.environ, **lab.variables, FOLDER_VARIABLE: str(lab.places.state)}
    try:
        child = subprocess.Popen(argv, env=variables)
    except OSError as error:
        raise LabError(f"{argv[0]} cannot be started: {error.strerror}") from None

    def forward(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, forward) for number in signals}
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _say(text: str) -> None:
    try:
        print(f"lab: {text}", file=sys.stderr, flush=True)
    except BrokenPipeError:  # a lab comes up whether or not somebody reads how
        _write_to_nobody(sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab",
        description="A real, embedded PenhaS to run the checks against, and faults to break it with.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, do: object, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(do=do)
        return made

    for name, do, text in (
        ("up", _up, "bring the lab up, unless it is running"),
        ("run", _run, "run -- COMMAND…: run a command against the lab, bringing it up and down unless it is running"),
    ):
        made = command(name, do, text)
        made.add_argument(
            "--flavour",
            choices=("guide", "public"),
            default="guide",
            help="as the guide says, or as the public backend is (default: guide)",
        )
        made.add_argument(
            "--postgresql",
            choices=("auto", "debian", "pypi"),
            default="auto",
            help="whose PostgreSQL (default: Debian's where it is installed, else the wheel's)",
        )
        made.add_argument(
            "--traffic",
            type=float,
            default=2.5,
            metavar="RATE",
            help="visitors' requests a second to each API (default: 2.5)",
        )
        made.add_argument(
            "--monitoring",
            action=argparse.BooleanOptionalAction,
            default=name == "run",
            help="also Prometheus, exporters, Alertmanager, nginx, rotated logs and their index (default: with run)",
        )
    command("status", _status, "what runs and what is broken").add_argument("--json", action="store_true")
    command("faults", _faults, "list the faults; with --json what each is expected to change").add_argument(
        "--json", action="store_true"
    )
    command("break", _break, "break something").add_argument("fault", metavar="FAULT")
    command("mend", _mend, "mend it, or `all`").add_argument("fault", metavar="FAULT")
    command("down", _down, "take the lab down, and clean up what a killed one left")
    return parser
