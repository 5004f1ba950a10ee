"""Host-style addresses: what a host name says beside the path.

`bucket.s3.eu-west-1.amazonaws.com`, `bucket.s3.localhost.localstack.cloud:4566` and `bucket.localhost:4566` put a
bucket before the path (Amazon S3 User Guide, "Virtual hosting of general purpose buckets", "Using Amazon S3 dual-stack
endpoints"); `bucket.s3-website-eu-west-1.amazonaws.com` and `bucket.s3-website.localhost:4566` are websites ("Website
endpoints"), and so is the path `/_website/bucket/` on any name of this cloud.
"""

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple

from pileus.wire import HttpRequest

ENDINGS = (".amazonaws.com", ".amazonaws.com.cn", ".localhost.localstack.cloud", ".localhost")
WEBSITES = "/_website/"
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+")
_WEBSITE = re.compile(r"s3-website(-.+)?")
_S3 = re.compile(r"s3(-.+)?")


class Site(NamedTuple):
    """A website and the path within it (raw). `region`: where the host name says it is, None when it does not."""

    bucket: str
    region: str | None
    path: str


def host_of(request: HttpRequest) -> str:
    """What is longer than a name can be is cut: names are kept (below), and their number times their length is
    memory."""
    return request.headers.get("host", "")[:300]


def name_of(host: str) -> str:
    """A `Host` without its port."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


@lru_cache(maxsize=4_096)
def labels_of(host: str) -> list[str]:
    """The labels before a host's known ending; none for an address or a foreign name."""
    name = name_of(host)
    for ending in ENDINGS:
        if name.endswith(ending):
            return name.removesuffix(ending).split(".")
    return []


@lru_cache(maxsize=4_096)
def service_of(host: str) -> str | None:
    """The service a host names: `sqs.eu-west-1.amazonaws.com`, `eu-west-1.queue.amazonaws.com`,
    `bucket.s3.localhost`."""
    labels = labels_of(host)
    if not labels:
        return None
    if "queue" in labels[:2]:
        return "sqs"
    if _label(labels, _S3) is not None:
        return "s3"
    return labels[0]


@lru_cache(maxsize=4_096)
def may_be_bucket(host: str) -> bool:
    """Whether a name under `.localhost` is a bucket's rather than a service's, if there is no such service: or has
    more before it than a service and a region."""
    labels = labels_of(host)
    return name_of(host).endswith(".localhost") and _label(labels, _S3) is None and "queue" not in labels


@lru_cache(maxsize=4_096)
def is_service(host: str) -> bool:
    """Whether a name has the form `service` or `service.region` before its ending."""
    labels = labels_of(host)
    return len(labels) == 1 or (len(labels) == 2 and _REGION.fullmatch(labels[1]) is not None)


@lru_cache(maxsize=4_096)
def region_of(host: str) -> str | None:
    """What stands before S3's own label is a bucket, whatever it looks like."""
    labels = labels_of(host)
    at = _label(labels, _S3)
    if at is not None:
        own = labels[at].removeprefix("s3-").removeprefix("website-")
        labels = [own, *labels[at + 1 :]]
    return next((label for label in labels if _REGION.fullmatch(label)), None)


@lru_cache(maxsize=4_096)
def bucket_of(host: str) -> str | None:
    """The bucket before the path, for a request that is S3's."""
    labels = labels_of(host)
    at = _label(labels, _S3)
    if at is None:
        return ".".join(labels) or None if name_of(host).endswith(".localhost") else None
    return ".".join(labels[:at]) or None


@lru_cache(maxsize=4_096)
def accelerated(host: str) -> bool:
    return "s3-accelerate" in host and "s3-accelerate" in labels_of(host)


def site_of(host: str, path: str) -> Site | None:
    """The website that is asked for, by host or by path; None when this is no website's address."""
    if path.startswith(WEBSITES):
        bucket, slash, rest = path.removeprefix(WEBSITES).partition("/")
        return Site(bucket, None, f"{slash}{rest}")
    if "s3-website" not in host:
        return None
    labels = labels_of(host)
    at = _label(labels, _WEBSITE)
    return None if at is None else Site(".".join(labels[:at]), region_of(host), path)


@lru_cache(maxsize=1_024)
def foreign_name(host: str) -> str | None:
    """A host name that is none of this cloud's: a bucket of that name may be meant (a CNAME)."""
    name = name_of(host).lower()
    if "." not in name or name.endswith(ENDINGS) or name.startswith("["):
        return None
    if name == "localhost.localstack.cloud":
        return None
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name
    return None


def _label(labels: list[str], form: re.Pattern[str]) -> int | None:
    """Where S3's own label is: the last of its form, as a bucket may be called so too."""
    return next((at for at in reversed(range(len(labels))) if form.fullmatch(labels[at])), None)
