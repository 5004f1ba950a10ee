"""The rules for names of buckets and objects.

Source: Amazon S3 User Guide, "General purpose bucket naming rules" and "Naming Amazon S3 objects".
"""

import re

from .errors import S3Error, invalid_argument

KEY_BYTES_MAX = 1_024
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an")


def check_bucket_name(name: str) -> None:
    """For a new bucket."""
    good = _BUCKET.fullmatch(name) and ".." not in name and ".-" not in name and "-." not in name
    if not good or _ADDRESS.fullmatch(name) or name.startswith(_PREFIXES) or name.endswith(_SUFFIXES):
        raise S3Error("InvalidBucketName", 400, "The specified bucket is not valid.", BucketName=name)


def check_key(key: str) -> None:
    if len(key) * 3 <= KEY_BYTES_MAX:
        return
    size = len(key.encode())
    if size > KEY_BYTES_MAX or size + key.count("\0") > KEY_BYTES_MAX + 512:
        raise S3Error("KeyTooLongError", 400, "Your key is too long", Size=size, MaxSizeAllowed=KEY_BYTES_MAX)


def check_tag(key: str, value: str) -> None:
    """Amazon S3 User Guide, "Categorizing your objects using tags"."""
    if not key or len(key) > 128:
        raise S3Error("InvalidTag", 400, "The TagKey you have provided is invalid", TagKey=key)
    if len(value) > 256:
        raise S3Error("InvalidTag", 400, "The TagValue you have provided is invalid", TagKey=key, TagValue=value)
    if not _TAG.fullmatch(key) or not _TAG.fullmatch(value):
        what, shown = ("TagKey", key) if not _TAG.fullmatch(key) else ("TagValue", value)
        raise S3Error("InvalidTag", 400, f"The {what} you have provided is invalid", **{what: shown})
    if key.lower().startswith("aws:"):
        raise S3Error("InvalidTag", 400, "System tags cannot be added/updated by requester", TagKey=key)


_TAG = re.compile(r"[\w\s+\-=._:/@]*")


def check_owner_id(account: str) -> None:
    if not re.fullmatch(r"\d{12}", account):
        raise invalid_argument("The value of the expected bucket owner parameter must be an AWS account ID")
