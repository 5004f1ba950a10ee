"""What IAM's operations are about, for authorisation: resource ARNs with their paths, and IAM's condition keys.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access
Management (IAM)".
"""

from collections.abc import Callable
from typing import Any

from pileus.identity.certificates import server_certificates
from pileus.identity.devices import find_device
from pileus.identity.managed import find_policy
from pileus.identity.people import find_group, find_user
from pileus.identity.providers import oidc_at, saml_at
from pileus.identity.roles import find_profile, find_role
from pileus.service import Call

from .service import Request

Target = Callable[[Call, Request], str]


def _arn(call: Call, kind: str, name: str, path: str = "/") -> str:
    return f"arn:{call.partition}:iam::{call.account}:{kind}{path}{name}"


def the_user(call: Call, request: Request) -> str:
    """The user that is named, or the caller itself."""
    name = request.get("UserName") or call.caller.standing.user_name
    user = find_user(call.tx, call.account, name) if name else None
    if user is not None:
        return user.arn
    return _arn(call, "user", name) if name else call.caller.arn


def the_group(call: Call, request: Request) -> str:
    group = find_group(call.tx, call.account, request["GroupName"])
    return group.arn if group is not None else _arn(call, "group", request["GroupName"])


def the_role(call: Call, request: Request) -> str:
    role = find_role(call.tx, call.account, request["RoleName"])
    return role.arn if role is not None else _arn(call, "role", request["RoleName"])


def the_profile(call: Call, request: Request) -> str:
    profile = find_profile(call.tx, call.account, request["InstanceProfileName"])
    return profile.arn if profile is not None else _arn(call, "instance-profile", request["InstanceProfileName"])


def the_certificate(call: Call, request: Request) -> str:
    name = request["ServerCertificateName"]
    found = server_certificates.get(call.tx, call.account, name.lower())
    return found.arn if found is not None else _arn(call, "server-certificate", name)


def the_policy(call: Call, request: Request) -> str:
    return str(request["PolicyArn"])


def named_by(member: str) -> Target:
    """The request's own member is the ARN."""
    return lambda call, request: str(request[member])


def created(kind: str, member: str) -> Target:
    """What will be there when the operation is done."""
    return lambda call, request: _arn(call, kind, request[member], request.get("Path", "/"))


def listed(kind: str) -> Target:
    """Listings are asked for the path above a kind (as AWS's denials say)."""
    return lambda call, request: _arn(call, kind, "", request.get("PathPrefix", "/"))


def listed_policies(call: Call, request: Request) -> str:
    """No ARN: ListPolicies shows AWS's policies too, and is allowed on `*` alone (Service Authorization Reference)."""
    return f"policy path {request.get('PathPrefix', '/')}"


def tagged(tags: dict[str, str]) -> dict[str, Any]:
    return {f"{prefix}:ResourceTag/{key}": value for key, value in tags.items() for prefix in ("iam", "aws")}


def renamed(source: Target, kind: str, new: str) -> Callable[[Call, Request], list[str]]:
    """Who renames needs the permission on the thing and on what becomes of it (IAM API Reference, "UpdateUser")."""

    def both(call: Call, request: Request) -> list[str]:
        arn = source(call, request)
        path, _, name = arn.split(":", 5)[5].removeprefix(kind).rpartition("/")
        after = _arn(call, kind, request.get(new, name), request.get("NewPath", f"{path}/"))
        return [arn] if after == arn else [arn, after]

    return both


def of_user(call: Call, request: Request) -> dict[str, Any]:
    name = request.get("UserName") or call.caller.standing.user_name
    user = find_user(call.tx, call.account, name) if name else None
    return _with_policies(request, user.tags if user else {}, user.boundary if user else "")


def of_role(call: Call, request: Request) -> dict[str, Any]:
    role = find_role(call.tx, call.account, request["RoleName"])
    return _with_policies(request, role.tags if role else {}, role.boundary if role else "")


def of_group(call: Call, request: Request) -> dict[str, Any]:
    return _with_policies(request, {}, "")


def of_profile(call: Call, request: Request) -> dict[str, Any]:
    profile = find_profile(call.tx, call.account, request["InstanceProfileName"])
    return tagged(profile.tags) if profile is not None else {}


def of_certificate(call: Call, request: Request) -> dict[str, Any]:
    found = server_certificates.get(call.tx, call.account, request["ServerCertificateName"].lower())
    return tagged(found.tags) if found is not None else {}


def of_device(call: Call, request: Request) -> dict[str, Any]:
    device = find_device(call.tx, request["SerialNumber"])
    return tagged(device.tags) if device is not None else {}


def of_oidc(call: Call, request: Request) -> dict[str, Any]:
    provider = oidc_at(call.tx, request["OpenIDConnectProviderArn"])
    return tagged(provider.tags) if provider is not None else {}


def of_saml(call: Call, request: Request) -> dict[str, Any]:
    provider = saml_at(call.tx, request["SAMLProviderArn"])
    return tagged(provider.tags) if provider is not None else {}


def of_policy(call: Call, request: Request) -> dict[str, Any]:
    policy = find_policy(call.tx, request["PolicyArn"])
    return tagged(policy.tags) if policy is not None else {}


def of_service(call: Call, request: Request) -> dict[str, Any]:
    return {"iam:AWSServiceName": request["AWSServiceName"]}


def _with_policies(request: Request, tags: dict[str, str], boundary: str) -> dict[str, Any]:
    """`iam:PermissionsBoundary` is the boundary a request sets, else the one there is."""
    found = tagged(tags)
    if "PolicyArn" in request:
        found["iam:PolicyARN"] = request["PolicyArn"]
    asked = request.get("PermissionsBoundary") or boundary
    if asked:
        found["iam:PermissionsBoundary"] = asked
    return found
