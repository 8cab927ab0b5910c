"""The checks of a smoke run the way they are written at first: a fresh connection a check, one after another.

Called with the environment file and the results.json of a smoke run, which says which checks there are.
"""

import json
import sys
import tomllib
from pathlib import Path

from tests.bench.floor import api, bucket, cache, database


def main() -> int:
    """Ask the service of each check once, on a connection of its own."""
    tables = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    checks = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))["checks"]
    urls = {target["name"]: target["url"] for target in tables["api"]["targets"]}
    servers = [tables["postgresql"]["primary"], *tables["postgresql"]["replicas"]]
    variables = {server["name"]: server["env"] for server in servers + tables["redis"]["targets"]}
    names = {b["name"]: b["bucket"] for b in tables["s3"]["buckets"]}
    for check in checks:
        service, target = check["service"], check["target"]
        if service == "api" and target in urls:
            api(urls[target])
        elif service == "postgresql" and target in variables:
            database(variables[target])
        elif service == "redis" and target in variables:
            cache(variables[target])
        elif service == "s3" and target in names:
            bucket(tables["s3"], names[target])
    return 0


if __name__ == "__main__":
    sys.exit(main())
