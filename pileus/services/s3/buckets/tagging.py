"""Tags of buckets."""

from pileus.service import Call

from ..tables import Bucket


def put_tags(call: Call, bucket: Bucket, tags: list[dict[str, str]]) -> Bucket:
    raise NotImplementedError
