"""Tags of IAM's things: read from requests, shown, added, removed and listed, for every kind alike.

Source: IAM User Guide, "Tags for AWS Identity and Access Management resources": the keys of users and roles are
compared without case, those of the other kinds with it; 50 a thing; keys that begin with `aws:` are AWS's own.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from pileus.identity.managed import ManagedPolicy, keep_policy
from pileus.identity.people import keep_user
from pileus.identity.roles import keep_profile, keep_role
from pileus.service import Call, must_allow

from . import targets
from .entities import own_policy_at, profile_named, role_named, user_named
from .listing import page_of
from .service import InvalidInput, LimitExceeded, Request, iam

TAGS_MAX = 50

Found = Any


def read_tags(request: Request) -> dict[str, str]:
    """The tags a request brings. Raises InvalidInput for a key given twice."""
    tags: dict[str, str] = {}
    seen: set[str] = set()
    for tag in request.get("Tags", ()):
        if tag["Key"].lower() in seen:
            raise InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        if tag["Key"].lower().startswith("aws:"):
            raise InvalidInput("Tag keys that begin with aws: are reserved for AWS.")
        seen.add(tag["Key"].lower())
        tags[tag["Key"]] = tag["Value"]
    return tags


def given_tags(call: Call, request: Request, noun: str) -> dict[str, str]:
    """The tags of a request that makes something: they need the permission to tag it as well."""
    tags = read_tags(request)
    if tags:
        must_allow(call, f"iam:Tag{noun}", call.resource)
    return tags


def show_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def with_tags(old: dict[str, str], new: dict[str, str], *, cased: bool) -> dict[str, str]:
    replaced = set(new) if cased else {key.lower() for key in new}
    kept = {key: value for key, value in old.items() if (key if cased else key.lower()) not in replaced}
    merged = {**kept, **new}
    if len(merged) > TAGS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for TagsPerResource: {TAGS_MAX}")
    return merged


def without_tags(old: dict[str, str], keys: list[str], *, cased: bool) -> dict[str, str]:
    gone = set(keys) if cased else {key.lower() for key in keys}
    return {key: value for key, value in old.items() if (key if cased else key.lower()) not in gone}


def tag_operations(
    noun: str,
    find: Callable[[Call, Request], Found],
    keep: Callable[[Any, Found], None],
    resource: targets.Target,
    context: Callable[[Call, Request], dict[str, Any]] | None = None,
    *,
    cased: bool = True,
) -> None:
    """Registers Tag<noun>, Untag<noun> and List<noun>Tags; `find` gives a record with `tags`, `keep` writes it."""

    @iam.operation(f"Tag{noun}", resource=resource, context=context)
    def tag(call: Call, request: Request) -> None:
        found = find(call, request)
        tags = with_tags(found.tags, read_tags(request), cased=cased)
        keep(call.tx, msgspec.structs.replace(found, tags=tags))

    @iam.operation(f"Untag{noun}", resource=resource, context=context)
    def untag(call: Call, request: Request) -> None:
        found = find(call, request)
        keep(call.tx, msgspec.structs.replace(found, tags=without_tags(found.tags, request["TagKeys"], cased=cased)))

    @iam.operation(f"List{noun}Tags", resource=resource, context=context)
    def list_tags(call: Call, request: Request) -> dict[str, Any]:
        pairs = [(tag["Key"], tag) for tag in show_tags(find(call, request).tags)]
        return page_of(call, request, "Tags", pairs, lambda one: one)


def _own_policy(call: Call, request: Request) -> ManagedPolicy:
    return own_policy_at(call, request["PolicyArn"])


tag_operations(
    "User",
    lambda call, request: user_named(call, request["UserName"]),
    keep_user,
    targets.the_user,
    targets.of_user,
    cased=False,
)
tag_operations(
    "Role",
    lambda call, request: role_named(call, request["RoleName"]),
    keep_role,
    targets.the_role,
    targets.of_role,
    cased=False,
)
tag_operations("Policy", _own_policy, keep_policy, targets.the_policy, targets.of_policy)
tag_operations(
    "InstanceProfile",
    lambda call, request: profile_named(call, request["InstanceProfileName"]),
    keep_profile,
    targets.the_profile,
    targets.of_profile,
)
