"""What an environment may ask of its backups that the lab's do not have: its file asks for it while one is broken."""

from lab.faults.backup import here
from lab.faults.registry import Act, Fault, register
from lab.running import Running


def asking(text: str, instead: str) -> tuple[Act, Act]:
    """Return acts that write something else into the environment's file, and what was there back."""

    def break_(running: Running) -> None:
        path = running.places.environment_file
        before = path.read_text("utf-8")
        assert before.count(text) == 1  # noqa: S101 (it is the lab's own)
        running.kept[text] = before
        path.write_text(before.replace(text, instead), "utf-8")

    def mend(running: Running) -> None:
        running.places.environment_file.write_text(running.kept.pop(text), "utf-8")

    return break_, mend


register(
    Fault(
        "restore-key-lost",
        "the key that is kept does not open what the application has sealed",
        ("backup",),
        here("CRITICAL", "backup-restore-readable"),
        *asking('"grep", "-q", "@"', '"grep", "-q", "^sealed:"'),
    )
)
for _name, _what, _key, _check in (
    ("backup-in-the-clear", "backups should be encrypted and are not", "encrypted", "backup-encrypted"),
    ("backup-not-locked", "backups should be locked and are not", "object_lock", "backup-locked"),
):
    register(
        Fault(_name, _what, ("backup",), here("CRITICAL", _check), *asking("[backup]\n", f"[backup]\n{_key} = true\n"))
    )
