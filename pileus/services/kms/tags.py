"""Tags on keys.

Source: AWS KMS Developer Guide, "Tags in AWS KMS"; AWS KMS API Reference, "TagResource".
"""

from typing import Any

import msgspec

from pileus.service import Call

from .errors import LimitExceeded, TagError
from .identify import changeable, key_of, key_operation
from .pages import page
from .tables import keys

TAGS_MAX = 50


def checked_tags(there: dict[str, str], given: list[dict[str, str]]) -> dict[str, str]:
    """The tags after the given ones are put on."""
    names = [tag["TagKey"] for tag in given]
    if len(names) != len(set(names)):
        raise TagError("Duplicate tag keys")
    if any(name.lower().startswith("aws:") for name in names):
        raise TagError("Tags beginning with aws: are reserved")
    after = {**there, **{tag["TagKey"]: tag["TagValue"] for tag in given}}
    if len(after) > TAGS_MAX:
        raise LimitExceeded(f"A KMS key can have at most {TAGS_MAX} tags")
    return after


@key_operation("TagResource")
def tag_resource(call: Call, request: dict[str, Any]) -> None:
    key = changeable(call)
    changed = msgspec.structs.replace(key, tags=checked_tags(key.tags, request["Tags"]))
    keys.put(call.tx, key.account, key.region, key.id, record=changed)


@key_operation("UntagResource")
def untag_resource(call: Call, request: dict[str, Any]) -> None:
    key = changeable(call)
    left = {name: value for name, value in key.tags.items() if name not in request["TagKeys"]}
    keys.put(call.tx, key.account, key.region, key.id, record=msgspec.structs.replace(key, tags=left))


@key_operation("ListResourceTags")
def list_resource_tags(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    key = key_of(call)
    rows = [((name,), {"TagKey": name, "TagValue": value}) for name, value in sorted(key.tags.items())]
    return page(request, f"kms.tags/{key.arn}", "Tags", rows, dict, 50, usual=50)
