"""Install the Debian packages that the lab is made of, where that is possible: `python -m lab.packages`.

Without root, or on another system, the lab runs without these parts and says which checks are then not covered; with
`--require`, or PENHAS_CHECKS_LAB_DEMANDS=all as in CI, a part that is missing is an error.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

# package -> a file or program that shows that it is there
LAB = {
    "postgresql-15": "/usr/lib/postgresql/15/bin/postgres",
    "libminion-perl": "/usr/share/perl5/Minion.pm",
    "prometheus": "/usr/bin/prometheus",
    "prometheus-alertmanager": "/usr/bin/prometheus-alertmanager",
    "prometheus-postgres-exporter": "/usr/bin/prometheus-postgres-exporter",
    "prometheus-redis-exporter": "/usr/bin/prometheus-redis-exporter",
    "prometheus-node-exporter": "/usr/bin/prometheus-node-exporter",
    "nginx-light": "/usr/sbin/nginx",
    "logrotate": "/usr/sbin/logrotate",
    "rsyslog": "/usr/sbin/rsyslogd",
    "systemd": "/lib/systemd/systemd",
    "libmojo-pg-perl": "/usr/share/perl5/Mojo/Pg.pm",
}
TESTS = {
    "redis-server": "/usr/bin/redis-server",
    "chromium": "/usr/bin/chromium",
    "pgbouncer": "/usr/sbin/pgbouncer",
    "age": "/usr/bin/age",
    "gnupg": "/usr/bin/gpg",
    "check-postgres": "/usr/bin/check_postgres",
    "check-pgactivity": "/usr/lib/nagios/plugins/check_pgactivity",
}
CLUSTERS = Path("/etc/postgresql-common/createcluster.conf")
POLICY = Path("/usr/sbin/policy-rc.d")  # what asks before a package starts its server; 101 is no


def missing(packages: dict[str, str]) -> list[str]:
    """Return the packages whose file is not there."""
    return [name for name, path in packages.items() if not Path(path).exists()]


def prefix() -> list[str] | None:
    """Return what makes a command run as root: nothing, sudo, or None when neither is possible."""
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None


def install(packages: list[str]) -> bool:
    """Install packages with apt-get, none of them started; return whether that worked."""
    root = prefix()
    if root is None or shutil.which("apt-get") is None:
        return False
    if any(name.startswith("postgresql") for name in packages) and not CLUSTERS.exists():
        # Debian's package would make a cluster on port 5432; the lab wants the programs only
        _write(root, CLUSTERS, "create_main_cluster = false\n")
    refuse = not POLICY.exists()
    if refuse:
        _write(root, POLICY, "#!/bin/sh\nexit 101\n")
        subprocess.run([*root, "chmod", "755", str(POLICY)], check=False)
    try:
        return _apt(root, packages)
    finally:
        if refuse:
            subprocess.run([*root, "rm", "-f", str(POLICY)], check=False)


def _write(root: list[str], path: Path, text: str) -> None:
    subprocess.run([*root, "mkdir", "-p", str(path.parent)], check=False)
    subprocess.run([*root, "tee", str(path)], input=text.encode(), capture_output=True, check=False)


def _apt(root: list[str], packages: list[str]) -> bool:
    for command in (
        ["apt-get", "update", "-qq"],
        [
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            *packages,
        ],
    ):
        done = subprocess.run([*root, *command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(done.stderr.strip(), file=sys.stderr)
            return False
    return True


def main() -> int:
    """Install what is missing; return 1 when a required part could not be installed."""
    parser = argparse.ArgumentParser(prog="python -m lab.packages", description=__doc__)
    parser.add_argument("--tests", action="store_true", help="also what only the self-tests use")
    parser.add_argument("--require", action="store_true", help="fail when a part cannot be installed")
    options = parser.parse_args()
    wanted = missing({**LAB, **(TESTS if options.tests else {})})
    if not wanted:
        return 0
    print(f"lab: installing {', '.join(wanted)} …", file=sys.stderr, flush=True)
    install(wanted)
    left = missing({**LAB, **(TESTS if options.tests else {})})
    if left:
        print(
            f"lab: without {', '.join(left)} (needs root or sudo, and Debian): "
            "what rests on them is not covered. Install them to cover everything.",
            file=sys.stderr,
        )
    demanded = options.require or os.environ.get("PENHAS_CHECKS_LAB_DEMANDS") == "all"
    return 1 if left and demanded else 0


if __name__ == "__main__":
    sys.exit(main())
