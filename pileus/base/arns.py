"""Amazon Resource Names: `arn:partition:service:region:account:resource`."""

from functools import lru_cache
from typing import NamedTuple


class Arn(NamedTuple):
    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return ":".join(("arn", *self))


def parse(text: str) -> Arn:
    """Raises ValueError when the text is no ARN."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2]:
        raise ValueError(f"{text!r} is not an ARN")
    return Arn(*parts[1:])


@lru_cache(maxsize=256)
def partition_of(region: str) -> str:
    """The partition a region belongs to (AWS: "Partitions": aws, aws-cn, aws-us-gov and the isolated ones)."""
    if region.startswith("cn-"):
        return "aws-cn"
    if region.startswith("us-gov-"):
        return "aws-us-gov"
    return "aws"


def arn(service: str, region: str, account: str, resource: str) -> str:
    return f"arn:{partition_of(region)}:{service}:{region}:{account}:{resource}"
