"""Speaking plain HTTP to S3, as browsers and `curl` do."""

import http.client
import json
from typing import Any, NamedTuple

PUBLIC_READ = ["s3:GetObject"]


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(
    cloud: Any, method: str, path: str, host: str | None = None, body: bytes | None = None, **headers: str
) -> Answer:
    """One request, byte for byte as given; header names with `_` for `-`."""
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", host or f"127.0.0.1:{cloud.port}")
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())
    finally:
        connection.close()


def make_public(cloud: Any, bucket: str, *actions: str) -> None:
    """Everybody may read objects, or what `actions` say."""
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": list(actions) or PUBLIC_READ,
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    s3 = cloud.client("s3")
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
