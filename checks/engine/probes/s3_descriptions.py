"""Where botocore finds what it knows of a service: in its own package, never in a home folder, and only what we ask.

botocore lists four hundred services before it loads one, and makes of every table an OrderedDict: a third of the time
that a client takes to make.
"""

import gzip
import json
from typing import Any

from botocore.loaders import JSONFileLoader, Loader

SERVICES = ["iam", "s3", "sts"]


class _Files(JSONFileLoader):
    """Loads tables as plain dicts, which keep their order as well."""

    def load_file(self, file_path: str) -> Any:
        """Return what is in the file of this path without its ending, or None where there is none."""
        for ending, opened in ((".json", open), (".json.gz", gzip.open)):
            try:
                with opened(file_path + ending, "rb") as file:
                    return json.loads(file.read())
            except FileNotFoundError:
                continue
        return None


class _Descriptions(Loader):
    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 (botocore's signature)
        """Return the services that are asked here."""
        return SERVICES


def descriptions() -> Loader:
    """Return a loader for one session: a client changes what it was described by, which no other thread may see."""
    own = [Loader.BUILTIN_DATA_PATH]
    return _Descriptions(extra_search_paths=own, file_loader=_Files(), include_default_search_paths=False)
