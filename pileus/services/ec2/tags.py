"""Tags on everything EC2 keeps.

Source: Amazon EC2 User Guide, "Tag your Amazon EC2 resources" (restrictions; tagging at creation needs ec2:CreateTags
with ec2:CreateAction); EC2 API Reference, "CreateTags", "DeleteTags", "DescribeTags".
"""

from typing import Any

import msgspec

from pileus.service import Call, must_allow

from .filters import compiled
from .kinds import KINDS, Kind, each, kind_of
from .listing import cut
from .service import Ec2Error, Request, invalid, operation

TAGS_MAX, KEY_MAX, VALUE_MAX = 50, 128, 256
RESOURCES_MAX = 1_000


def show(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def shown(tags: dict[str, str]) -> dict[str, Any]:
    """The member `Tags` of an answer, left out when there are none."""
    return {"Tags": show(tags)} if tags else {}


def checked(there: dict[str, str], given: list[dict[str, str]], *, own: bool = False) -> dict[str, str]:
    """The tags after the given ones are put on. `own`: by the cloud itself, which may use `aws:`."""
    after = dict(there)
    named = [tag.get("Key") or "" for tag in given]
    if len(named) != len(set(named)):
        twice = next(name for name in named if named.count(name) > 1)
        raise invalid(f"Duplicate tag key '{twice}' specified.")
    for tag in given:
        key, value = tag.get("Key") or "", tag.get("Value") or ""
        if not key:
            raise invalid("Tag key cannot be empty")
        if len(key) > KEY_MAX:
            raise invalid(f"Tag key exceeds the maximum length of {KEY_MAX} characters")
        if len(value) > VALUE_MAX:
            raise invalid(f"Tag value exceeds the maximum length of {VALUE_MAX} characters")
        if key.lower().startswith("aws:") and not own:
            raise invalid("Tag keys starting with 'aws:' are reserved for internal use")
        after[key] = value
    if sum(not key.startswith("aws:") for key in after) > TAGS_MAX:
        raise Ec2Error("TagLimitExceeded", f"The maximum number of Tags for a resource has been reached ({TAGS_MAX}).")
    return after


def given(call: Call, request: Request, *kinds: Kind[Any]) -> dict[str, dict[str, str]]:
    """The tags that a creating request gives to what it makes: resource type -> tags. Raises UnauthorizedOperation when
    the caller may not tag, InvalidParameterValue for a type that the operation does not make."""
    found: dict[str, dict[str, str]] = {kind.type: {} for kind in kinds}
    for specification in request.get("TagSpecifications") or []:
        type, tags = specification.get("ResourceType"), specification.get("Tags") or []
        if type not in found:
            raise invalid(f"'{type}' is not a valid taggable resource type for this operation.")
        if found[type]:
            raise invalid(f"Tag specification for resource type '{type}' was given twice")
        found[type] = checked({}, tags)
        if found[type]:
            _may_tag(call, next(kind for kind in kinds if kind.type == type), found[type])
    return found


def _may_tag(call: Call, kind: Kind[Any], tags: dict[str, str]) -> None:
    context: dict[str, Any] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    context |= {"aws:TagKeys": list(tags), "ec2:CreateAction": call.operation.name}
    must_allow(call, "ec2:CreateTags", kind.arn(call, "*"), context=context)


def _resources(call: Call, request: Request) -> list[str]:
    known = [(id, kind_of(id)) for id in request.get("Resources") or []]
    return [kind.arn(call, id) for id, kind in known if kind is not None]


def _each(call: Call, request: Request) -> list[tuple[str, Kind[Any], Any]]:
    wanted = list(dict.fromkeys(request["Resources"]))
    if len(wanted) > RESOURCES_MAX:
        raise invalid(f"The maximum number of resources is {RESOURCES_MAX}")
    found = []
    for id in wanted:
        kind = kind_of(id)
        if kind is None:
            raise Ec2Error("InvalidID", f"The ID '{id}' is not valid")
        found.append((id, kind, kind.need(call, id)))
    return found


@operation("CreateTags", resource=_resources)
def create_tags(call: Call, request: Request) -> None:
    for id, kind, record in _each(call, request):
        kind.put(call, id, msgspec.structs.replace(record, tags=checked(record.tags, request["Tags"])))


@operation("DeleteTags", resource=_resources)
def delete_tags(call: Call, request: Request) -> None:
    """A tag with a value goes only if it has that value; without Tags, all go but those of AWS."""
    for id, kind, record in _each(call, request):
        left = dict(record.tags)
        if "Tags" not in request:
            left = {key: value for key, value in left.items() if key.startswith("aws:")}
        for tag in request.get("Tags") or []:
            key = tag.get("Key") or ""
            if key.lower().startswith("aws:"):
                raise invalid("Tag keys starting with 'aws:' are reserved for internal use")
            if key in left and ("Value" not in tag or tag["Value"] == left[key]):
                del left[key]
        kind.put(call, id, msgspec.structs.replace(record, tags=left))


class _Tag(msgspec.Struct, frozen=True):
    key: str
    value: str
    id: str
    type: str

    @property
    def tags(self) -> dict[str, str]:
        """What the filter `tag:key` looks at."""
        return {self.key: self.value}


@operation("DescribeTags")
def describe_tags(call: Call, request: Request) -> dict[str, Any]:
    keep = compiled(
        request.get("Filters") or [],
        {
            "key": lambda tag: [tag.key],
            "value": lambda tag: [tag.value],
            "resource-id": lambda tag: [tag.id],
            "resource-type": lambda tag: [tag.type],
        },
    )
    found = [
        (f"{tag.id}/{tag.key}", tag)
        for kind in KINDS.values()
        for record in each(kind.table, call.tx, call.account, call.region)
        for tag in (_Tag(key, value, record.id, kind.type) for key, value in record.tags.items())
        if keep(tag)
    ]
    items, token = cut(call, request, "tags", found)
    shown = [{"Key": tag.key, "Value": tag.value, "ResourceId": tag.id, "ResourceType": tag.type} for tag in items]
    return {"Tags": shown, **({"NextToken": token} if token else {})}
