"""Makes a command run as a user who is not root, for the tests beside it."""

import os
import shutil
import subprocess

import pytest


def as_user(number: int = 1000) -> list[str]:
    """Return what makes a command run as a user who is not root.

    A user in a namespace of its own is none of the users outside, and may do no more than any of them.
    """
    if os.getuid() != 0:
        return []
    prefix = ["unshare", "--user", f"--map-user={number}", f"--map-group={number}", "--"]
    if (
        shutil.which(prefix[0]) is None
        or subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("this machine lets nobody make a namespace, in which root would be another user")
    return prefix
