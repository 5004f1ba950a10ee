"""The global condition keys: what every request says of itself to the policies.

Source: IAM User Guide, "AWS global condition context keys". A key is worked out only when a statement asks for it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pileus.base.clock import iso

if TYPE_CHECKING:
    from .call import Call

Found = Any
Reader = Callable[["Call"], Found]


def _session(call: "Call", value: Callable[[Any], Found]) -> Found:
    session = call.caller.session
    return value(session) if session is not None else None


def _principal_type(call: "Call") -> str | None:
    kinds = {
        "root": "Account",
        "user": "User",
        "assumed-role": "AssumedRole",
        "federated-user": "FederatedUser",
        "anonymous": "Anonymous",
    }
    return kinds.get(call.caller.principal.kind)


_WITH_ARN = ("root", "user", "assumed-role", "federated-user")


def _principal_arn(call: "Call") -> str | None:
    """For a session the role's ARN, not the session's."""
    principal = call.caller.principal
    return (principal.role_arn or principal.arn or None) if principal.kind in _WITH_ARN else None


def _mfa_present(call: "Call") -> bool | None:
    # Long-term keys do not carry the key at all, which is why policies ask with BoolIfExists.
    return _session(call, lambda session: session.mfa)


def _mfa_age(call: "Call") -> int | None:
    return _session(call, lambda session: int(call.now - session.issued) if session.mfa else None)


def _service_name(call: "Call") -> str | None:
    principal = call.caller.principal
    return principal.arn if principal.kind == "service" else None


READERS: dict[str, Reader] = {
    "aws:currenttime": lambda call: iso(call.now),
    "aws:epochtime": lambda call: str(int(call.now)),
    "aws:sourceip": lambda call: None if call.via or call.cloud.vantage else (call.source_ip or None),
    "aws:sourcevpc": lambda call: call.cloud.vantage.vpc if call.cloud.vantage else None,
    "aws:sourcevpce": lambda call: call.cloud.vantage.endpoint if call.cloud.vantage else None,
    "aws:vpcsourceip": lambda call: call.source_ip if call.cloud.vantage else None,
    "aws:securetransport": lambda call: call.secure_transport,
    "aws:sourcearn": lambda call: call.caller.source_arn or None,
    "aws:sourceaccount": lambda call: call.caller.source_account or None,
    "aws:useragent": lambda call: call.user_agent or None,
    "aws:referer": lambda call: call.headers.get("referer"),
    "aws:requestedregion": lambda call: call.region,
    "aws:principalarn": _principal_arn,
    "aws:principalaccount": lambda call: call.caller.account or None,
    "aws:principaltype": _principal_type,
    "aws:userid": lambda call: call.caller.user_id or "anonymous",
    "aws:username": lambda call: call.caller.standing.user_name or None,
    "aws:principalisawsservice": lambda call: call.caller.principal.kind == "service",
    "aws:principalservicename": _service_name,
    "aws:viaawsservice": lambda call: bool(call.via) and call.caller.principal.kind != "service",
    "aws:calledvia": lambda call: [f"{name}.amazonaws.com" for name in call.via] or None,
    "aws:calledviafirst": lambda call: f"{call.via[0]}.amazonaws.com" if call.via else None,
    "aws:calledvialast": lambda call: f"{call.via[-1]}.amazonaws.com" if call.via else None,
    "aws:multifactorauthpresent": _mfa_present,
    "aws:multifactorauthage": _mfa_age,
    "aws:tokenissuetime": lambda call: _session(call, lambda session: iso(session.issued)),
    "aws:sourceidentity": lambda call: _session(call, lambda session: session.source_identity or None),
    "aws:federatedprovider": lambda call: _session(call, lambda s: s.context.get("aws:FederatedProvider")),
}


def tags_of(request: dict[str, Any], resource: str = "") -> dict[str, str] | None:
    """The tags a request carries, in any of the forms the models use: EC2's, for the type of `resource`."""
    specifications = request.get("TagSpecifications")
    if isinstance(specifications, list):
        type = resource.split(":", 5)[-1].partition("/")[0]
        meant = [each.get("Tags") or [] for each in specifications if each.get("ResourceType") == type]
        return dict(_pair(tag) for tags in meant for tag in tags) or None
    for name in ("Tags", "tags", "TagSet", "tagSet"):
        tags = request.get(name)
        if isinstance(tags, dict):
            return tags
        if isinstance(tags, list):
            return dict(_pair(tag) for tag in tags)
    return None


def _pair(tag: dict[str, str]) -> tuple[str, str]:
    """KMS says TagKey and TagValue."""
    key = tag.get("Key") or tag.get("key") or tag.get("TagKey") or ""
    return key, tag.get("Value") or tag.get("value") or tag.get("TagValue") or ""


def _tag_keys(request: dict[str, Any], resource: str) -> list[str] | None:
    tags = tags_of(request, resource)
    keys = list(tags) if tags is not None else request.get("TagKeys") or request.get("tagKeys")
    return keys or None


def lookup(call: "Call", resource: str, own: bool = True, owner: str | None = None) -> Callable[[str], Found]:
    """A function from a lower-case condition key to its value(s), None where the request has none. `own`: the
    operation's own condition keys are meant too. `owner`: the resource's account, where its ARN does not say."""
    operation, request = call.operation, call.request
    known: dict[str, Any] | None = None

    def services_own() -> dict[str, Any]:
        nonlocal known
        if known is None:
            found = operation.context(call, request) if own and operation.context is not None else {}
            if operation.service.about is not None:
                found = {**found, **operation.service.about(call, resource)}
            known = {key.lower(): value for key, value in found.items()}
        return known

    def find(key: str) -> Found:
        reader = READERS.get(key)
        if reader is not None:
            return reader(call)
        if key == "aws:tagkeys":
            return _tag_keys(request, resource)
        if key.startswith("aws:requesttag/"):
            return _tag(tags_of(request, resource), key)
        if key.startswith("aws:principaltag/"):
            return _tag(call.caller.standing.tags, key)
        if key == "aws:resourceaccount":
            return owner or owner_of(resource, call.account)
        found = services_own().get(key)
        if found is None and call.caller.session is not None:
            return {name.lower(): value for name, value in call.caller.session.context.items()}.get(key)
        return found

    return find


def _tag(tags: dict[str, str] | None, key: str) -> str | None:
    """Tag keys in condition keys are compared without case, as condition keys are."""
    wanted = key.partition("/")[2]
    return next((value for name, value in (tags or {}).items() if name.lower() == wanted), None)


def owner_of(resource: str, default: str) -> str:
    """The account a resource belongs to: its ARN says, or it is the caller's. What is AWS's own (`aws`) is at home
    everywhere."""
    parts = resource.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[4].isdigit() else default
