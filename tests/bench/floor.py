"""The floor of a smoke run: the same client libraries imported, and one round trip to each service, all at once."""

import os
import sys
import threading
import tomllib
from pathlib import Path

import boto3
import psycopg
import redis
import requests


def database(variable: str) -> None:
    """Connect and SELECT 1."""
    with psycopg.connect(os.environ[variable]) as connection:
        connection.execute("select 1")


def cache(variable: str) -> None:
    """PING."""
    with redis.Redis.from_url(os.environ[variable]) as client:
        client.ping()


def bucket(table: dict[str, object], name: str) -> None:
    """HeadBucket."""
    session = boto3.Session(
        os.environ["PENHAS_CHECKS_S3_ACCESS_KEY"], os.environ["PENHAS_CHECKS_S3_SECRET_KEY"], region_name="us-east-1"
    )
    session.client("s3", endpoint_url=str(table["endpoint"])).head_bucket(Bucket=name)


def api(url: str) -> None:
    """GET of the health path."""
    requests.get(f"{url}/health", timeout=10)


def main() -> int:
    """Start all at once and wait for them."""
    tables = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    work: list[threading.Thread] = []
    servers = [tables["postgresql"]["primary"], *tables["postgresql"]["replicas"]]
    work += [threading.Thread(target=database, args=(server["env"],)) for server in servers]
    work += [threading.Thread(target=cache, args=(server["env"],)) for server in tables["redis"]["targets"]]
    work += [threading.Thread(target=bucket, args=(tables["s3"], b["bucket"])) for b in tables["s3"]["buckets"]]
    work += [threading.Thread(target=api, args=(target["url"],)) for target in tables["api"]["targets"]]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
