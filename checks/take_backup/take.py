"""Take one backup: dump, count and sum in one snapshot, store the files, and the manifest last. Called by __main__."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TypeVar

import checks
from checks.engine.environment.secrets import SecretText
from checks.engine.model import ProbeError
from checks.engine.probes.backup import manifest as manifests
from checks.engine.probes.backup.archive_read import Contents
from checks.engine.probes.backup.manifest import Manifest, ManifestFile
from checks.engine.probes.backup.sql_read import split_name
from checks.engine.probes.backup.store import Store
from checks.take_backup import programs, source
from checks.take_backup.dump import COMPRESSION, Dumper, Staged
from checks.take_backup.failure import BackupFailed, NotCopied
from checks.take_backup.progress import Progress

_T = TypeVar("_T")
_SUFFIX = {"": "", "age": ".age", "gpg": ".gpg", "openssl": ".enc"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done: where from, where to (and to a second place), with which seed, encrypted by which command.

    `stage` is the folder in which the files wait; it is ours alone, since one take_backup runs at a time. `nice` lets
    those go first whom the machine serves.
    """

    connection: SecretText
    store: Store
    prefix: str
    seed: SecretText
    encrypt: tuple[str, ...]
    binaries: Path | None
    stage: Path
    nice: int = 5
    second: tuple[Store, str] | None = None


def take(plan: Plan, progress: Progress) -> Manifest:
    """Return the manifest of the backup that was taken; raises BackupFailed, and then nothing of it is stored."""
    started = time.time()
    seed = plan.seed.reveal().encode()
    told = source.variables(plan.connection)
    plan.store.objects()  # a place that does not let us in is found before an hour of dumping
    with _stage(plan.stage, progress) as folder, source.snapshot(plan.connection) as (link, facts):
        found = programs.find(facts.version_num // 10000, plan.binaries)
        progress.phase("dump", f"{facts.database}, server {facts.version.split()[0]}, pg_dump {found.version}")
        dumper = Dumper(found.folder, source.noticing(told, facts), folder, plan.encrypt, plan.nice)
        summing = _aside(lambda: source.content(link, manifests.row_seed(seed), progress.tables))
        dumped = time.monotonic()
        try:
            dump, contents = dumper.dump(facts.snapshot, progress.bytes)
        except BackupFailed:
            if summing.done():
                summing.result()  # where the sums failed first, the snapshot was gone for pg_dump: that is the cause
            raise
        seconds = time.monotonic() - dumped
        progress.phase("sums", "waiting for the sums of the tables")
        content = summing.result()
        link.rollback()  # the dump is complete: the snapshot need not hold back vacuum any longer
        agree(content, contents)
        progress.phase("globals", "dumping roles and tablespaces")
        roles = dumper.globals(facts.database)
        stem = f"{facts.database}-{time.strftime('%Y-%m-%dT%H%M%SZ', time.gmtime(facts.snapshot_at))}"
        manifest = Manifest(
            schema=manifests.SCHEMA,
            name=stem,
            program=f"penhas-checks {checks.__version__}",
            database=facts.database,
            databases=facts.databases,
            started=started,
            snapshot_at=facts.snapshot_at,
            finished=time.time(),
            dump_seconds=seconds,
            files=(
                _file("dump", f"{stem}.dump", "custom", "gzip", dump),
                _file("globals", f"{stem}.globals.sql", "globals", "none", roles),
            ),
            server_version=facts.version,
            server_version_num=facts.version_num,
            dump_version=found.version,
            system_identifier=facts.system_identifier,
            in_recovery=facts.in_recovery,
            last_replay_at=facts.last_replay_at,
            lsn=facts.lsn,
            database_bytes=facts.size,
            command=("pg_dump", "--format=custom", f"--compress={COMPRESSION}", "--snapshot"),
            roles=tuple(sorted({role for entry in contents.toc for role in entry.roles})),
            tables=content.tables,
            large_objects=content.large_objects,
            large_objects_sum=content.large_objects_sum,
            seed_fingerprint=manifests.fingerprint(seed),
            structure=content.structure,
        )
        progress.phase("store", f"storing in {plan.store.label}")
        signed = manifests.write(manifest, seed)
        put(plan.store, plan.prefix, manifest, (dump, roles), signed)
        if plan.second is not None:
            store, prefix = plan.second
            progress.phase("copy", f"storing in {store.label}")
            try:
                put(store, prefix, manifest, (dump, roles), signed)
            except BackupFailed as error:
                raise NotCopied(f"{stem} is taken, and not in {store.label}: {error.why}", error.mend) from None
    return manifest


@contextlib.contextmanager
def _stage(folder: Path, progress: Progress) -> Iterator[Path]:
    """Make the folder in which the files wait, after what a killed run left in it, and remove it in the end."""
    try:
        if folder.exists():
            progress.phase("tidy", "removing what an earlier take_backup left when it was killed")
            shutil.rmtree(folder)
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise BackupFailed(f"the folder {folder} cannot be used: {os.strerror(error.errno or 0).lower()}") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise BackupFailed(f"the folder {folder} could not be removed", "Remove it: a copy of the dump lies there.")


def agree(content: source.Content, contents: Contents) -> None:
    """Compare the archive with the snapshot, table by table: what pg_dump left out is found before it is stored."""
    rows = {(table.schema, table.name): table.rows for table in contents.tables}
    for table in content.tables:
        name = split_name(table.name)
        if name not in rows:
            raise BackupFailed(f"pg_dump left the data of {table.name} out", "Look for options in its configuration.")
        if rows[name] != table.rows:
            raise BackupFailed(f"pg_dump wrote {rows[name]} rows of {table.name}, the snapshot holds {table.rows}")


def _file(role: str, name: str, kind: str, compression: str, staged: Staged) -> ManifestFile:
    suffix = _SUFFIX.get(staged.encryption, ".enc")
    return ManifestFile(
        role=role,
        name=name + (suffix if staged.plain_sha256 != staged.sha256 else ""),
        format=kind,
        compression=compression,
        encryption=staged.encryption,
        size=staged.size,
        sha256=staged.sha256,
        plain_size=staged.plain_size,
        plain_sha256=staged.plain_sha256,
    )


def put(store: Store, prefix: str, manifest: Manifest, staged: tuple[Staged, ...], signed: bytes) -> None:
    """Store the files and then the manifest, the mark of completeness; on failure nothing of them stays."""
    done: list[str] = []
    complete = False
    try:
        for file, own in zip(manifest.files, staged, strict=True):
            key = prefix + file.name
            done.append(key)
            store.put_file(key, own.path, file.sha256)
        _arrived(store, prefix, manifest)
        store.put_bytes(prefix + manifest.name + manifests.SUFFIX, signed)
        complete = True
    except ProbeError as error:
        raise BackupFailed(error.why, error.mend) from None
    finally:
        if not complete:
            for key in done:
                with contextlib.suppress(ProbeError):  # a key that may not delete leaves files without a manifest
                    store.delete(key)


def _arrived(store: Store, prefix: str, manifest: Manifest) -> None:
    there = {stored.key: stored.size for stored in store.objects()}
    for file in manifest.files:
        if there.get(prefix + file.name) != file.size:
            raise BackupFailed(f"{file.name} did not arrive whole in {store.label}")


def _aside(work: Callable[[], _T]) -> "Future[_T]":
    """Do something in a thread beside; its result or its exception comes with `result`."""
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BackupFailed as error:
            future.set_exception(error)
        except BaseException as error:
            future.set_exception(error)
            raise

    Thread(target=run, daemon=True).start()
    return future
