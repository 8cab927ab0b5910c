"""HeadBucket with a Signature Version 4 of our own: an SDK would take longer to import than the whole API to start."""

import hashlib
import hmac
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPSConnection
from time import gmtime, strftime
from urllib.parse import urlsplit

_SECONDS = 1.5
_SIGNED = "host;x-amz-content-sha256;x-amz-date"
_EMPTY = hashlib.sha256(b"").hexdigest()


class BucketError(Exception):
    """The server answered, but not that the bucket is there."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket, addressed by path."""

    endpoint: str
    access_key: str
    secret_key: str
    name: str
    region: str = "us-east-1"

    def head(self) -> None:
        """Return when the bucket is there and ours to see, or raise BucketError, OSError or HTTPException."""
        url = urlsplit(self.endpoint)
        connection_type = HTTPSConnection if url.scheme == "https" else HTTPConnection
        connection = connection_type(url.hostname or "", url.port, timeout=_SECONDS)
        try:
            connection.request("HEAD", f"/{self.name}", headers=self._signed(url.netloc))
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        if answer.status != HTTPStatus.OK:
            raise BucketError(f"HeadBucket of {self.name} as {self.access_key}: HTTP {answer.status}")

    def _signed(self, host: str) -> dict[str, str]:
        """Return the headers of the request, signed as AWS's "Signature Version 4" lays down."""
        now = strftime("%Y%m%dT%H%M%SZ", gmtime())
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        headers = {"host": host, "x-amz-content-sha256": _EMPTY, "x-amz-date": now}
        canonical = "\n".join(
            ["HEAD", f"/{self.name}", "", *(f"{name}:{value}" for name, value in headers.items()), "", _SIGNED, _EMPTY]
        )
        to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = f"AWS4{self.secret_key}".encode()
        for word in scope.split("/"):
            key = hmac.digest(key, word.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        credential = f"Credential={self.access_key}/{scope}"
        headers["Authorization"] = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={_SIGNED}, Signature={signature}"
        return headers
