"""Host-style addresses: what a host name says beside the path.

`bucket.s3.eu-west-1.amazonaws.com`, `bucket.s3.localhost.localstack.cloud:4566` and `bucket.localhost:4566` put a
bucket before the path (Amazon S3 User Guide, "Virtual hosting of general purpose buckets").
"""

from functools import lru_cache

ENDINGS = (".amazonaws.com", ".amazonaws.com.cn", ".localhost.localstack.cloud", ".localhost")


@lru_cache(maxsize=4_096)
def labels_of(host: str) -> list[str]:
    """The labels before a host's known ending; none for an address or a foreign name."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    for ending in ENDINGS:
        if name.endswith(ending):
            return name.removesuffix(ending).split(".")
    return []


def service_of(host: str) -> str | None:
    """The service a host names: `sqs.eu-west-1.amazonaws.com`, `eu-west-1.queue.amazonaws.com`,
    `bucket.s3.localhost`."""
    labels = labels_of(host)
    if not labels:
        return None
    if "queue" in labels[:2]:
        return "sqs"
    if _s3_label(labels) is not None:
        return "s3"
    return labels[0]


@lru_cache(maxsize=4_096)
def region_of(host: str) -> str | None:
    return next((label for label in labels_of(host) if label.count("-") >= 2 and label[-1:].isdigit()), None)


@lru_cache(maxsize=4_096)
def bucket_of(host: str) -> str | None:
    """The bucket before the path, for a request that is S3's."""
    labels = labels_of(host)
    at = _s3_label(labels)
    if at is None:
        return ".".join(labels) or None if host.partition(":")[0].endswith(".localhost") else None
    return ".".join(labels[:at]) or None


def _s3_label(labels: list[str]) -> int | None:
    return next((at for at, label in enumerate(labels) if label == "s3" or label.startswith("s3-")), None)
