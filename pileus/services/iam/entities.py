"""Finding what a request names, or saying with AWS's words that it is not there."""

from pileus.identity.managed import ManagedPolicy, find_policy
from pileus.identity.people import Group, User, find_group, find_user
from pileus.identity.roles import InstanceProfile, Role, find_profile, find_role
from pileus.service import Call

from .service import InvalidInput, NoSuchEntity, Request, ValidationError


def user_named(call: Call, name: str) -> User:
    user = find_user(call.tx, call.account, name)
    if user is None:
        raise NoSuchEntity(f"The user with name {name} cannot be found.")
    return user


def group_named(call: Call, name: str) -> Group:
    group = find_group(call.tx, call.account, name)
    if group is None:
        raise NoSuchEntity(f"The group with name {name} cannot be found.")
    return group


def role_named(call: Call, name: str) -> Role:
    role = find_role(call.tx, call.account, name)
    if role is None:
        raise NoSuchEntity(f"The role with name {name} cannot be found.")
    return role


def profile_named(call: Call, name: str) -> InstanceProfile:
    profile = find_profile(call.tx, call.account, name)
    if profile is None:
        raise NoSuchEntity(f"Instance Profile {name} cannot be found.")
    return profile


def checked_policy_arn(arn: str) -> str:
    """Raises InvalidInput for what is no ARN of a policy."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "iam" or not parts[5].startswith("policy/"):
        raise InvalidInput(f"ARN {arn} is not valid.")
    return arn


def visible_policy(call: Call, arn: str) -> ManagedPolicy | None:
    """A policy the caller's account can use: its own and AWS's, of the caller's partition alone. Under another's ARN
    AWS's policies would pass by conditions on `iam:PolicyARN`."""
    policy = find_policy(call.tx, checked_policy_arn(arn))
    if policy is None or policy.account not in (call.account, "aws") or policy.partition != call.partition:
        return None
    return policy


def policy_at(call: Call, arn: str) -> ManagedPolicy:
    """Raises NoSuchEntity for a policy the caller's account cannot use."""
    policy = visible_policy(call, arn)
    if policy is None:
        raise NoSuchEntity(f"Policy {arn} was not found.")
    return policy


def own_policy_at(call: Call, arn: str) -> ManagedPolicy:
    """A policy the caller's account may change."""
    policy = policy_at(call, arn)
    if policy.account == "aws":
        raise InvalidInput(f"ARN {arn} is not valid. Only customer managed policies can be changed.")
    return policy


def becomes_active(request: Request) -> bool:
    """What a credential is set to. `Expired` is a state AWS reports, not one that can be asked for."""
    status = request["Status"]
    if status not in ("Active", "Inactive"):
        raise ValidationError(f"Status {status} cannot be set: use Active or Inactive.")
    return bool(status == "Active")


def own_name(call: Call, request: Request) -> str:
    """The user a request is about: the one it names, else the caller; empty for the root itself."""
    name = request.get("UserName")
    if isinstance(name, str):
        return name
    principal = call.caller.principal
    if principal.kind not in ("user", "root"):
        raise ValidationError("Must specify userName when calling with non-User credentials")
    return call.caller.standing.user_name
