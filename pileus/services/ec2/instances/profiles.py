"""Instance profiles: which role a machine has.

Source: EC2 API Reference, "AssociateIamInstanceProfile" and its kin; IAM User Guide, "Grant a user permissions to
pass a role to an AWS service". Who gives a machine a role must be allowed to pass it.
"""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.base.arns import parse
from pileus.identity.roles import InstanceProfile, find_profile, find_role
from pileus.service import Call, must_allow

from ..filters import compiled
from ..kinds import HEX_DIGITS, targets
from ..listing import cut
from ..service import Ec2Error, Request, invalid, operation
from .records import Instance, Profile, instance_kind

replace = msgspec.structs.replace


def wanted(call: Call, given: Any) -> Profile:
    """The profile that a request names, allowed to be passed."""
    name, arn = given.get("Name"), given.get("Arn")
    if name and arn:
        raise invalid("The parameter 'iamInstanceProfile.name' may not be used in combination with 'arn'")
    if arn:
        try:
            parsed = parse(arn)
        except ValueError:
            raise invalid(f"Value ({arn}) for parameter iamInstanceProfile.arn is invalid. Invalid ARN") from None
        name = parsed.resource.rpartition("/")[2]
    profile = find_profile(call.tx, call.account, name or "")
    if profile is None or (arn and profile.arn != arn):
        member, value = ("arn", arn) if arn else ("name", name)
        raise invalid(
            f"Value ({value}) for parameter iamInstanceProfile.{member} is invalid. "
            f"Invalid IAM Instance Profile {'ARN' if arn else 'name'}"
        )
    _may_pass(call, profile)
    association = f"iip-assoc-0{ids.unique_hex(HEX_DIGITS - 1)}"
    return Profile(association, profile.arn, profile.id, call.account, profile.name, call.now)


def _may_pass(call: Call, profile: InstanceProfile) -> None:
    role = find_role(call.tx, call.account, profile.role) if profile.role else None
    if role is None:
        return
    context = {"iam:PassedToService": "ec2.amazonaws.com"}
    must_allow(call, "iam:PassRole", role.arn, context=context)


def _show(instance: Instance, profile: Profile, state: str) -> dict[str, Any]:
    return {
        "AssociationId": profile.association,
        "InstanceId": instance.id,
        "IamInstanceProfile": {"Arn": profile.arn, "Id": profile.id},
        "State": state,
        "Timestamp": profile.at,
    }


def _changeable(call: Call, id: str) -> Instance:
    instance = instance_kind.need(call, id)
    if not instance.there or instance.state not in ("pending", "running", "stopping", "stopped"):
        raise Ec2Error("IncorrectInstanceState", f"The instance '{id}' is not in the 'running' or 'stopped' states.")
    return instance


@operation("AssociateIamInstanceProfile", resource=targets(instance_kind, "InstanceId"))
def associate(call: Call, request: Request) -> dict[str, Any]:
    instance = _changeable(call, request["InstanceId"])
    if instance.profile is not None:
        raise Ec2Error("IncorrectState", f"There is an existing association for instance {instance.id}")
    profile = wanted(call, request["IamInstanceProfile"])
    instance_kind.put(call, instance.id, replace(instance, profile=profile))
    return {"IamInstanceProfileAssociation": _show(instance, profile, "associating")}


def _associated(call: Call, association: str) -> Instance:
    for instance in instance_kind.all(call):
        if instance.profile is not None and instance.profile.association == association and instance.there:
            return instance
    raise Ec2Error("InvalidAssociationID.NotFound", f"An invalid association-id of '{association}' was given")


def _of_association(call: Call, request: Request) -> str:
    try:
        return instance_kind.arn(call, _associated(call, request.get("AssociationId") or "").id)
    except Ec2Error:
        return instance_kind.arn(call, "*")  # the handler says what is wrong


@operation("DisassociateIamInstanceProfile", resource=_of_association)
def disassociate(call: Call, request: Request) -> dict[str, Any]:
    instance = _associated(call, request["AssociationId"])
    assert instance.profile is not None
    instance_kind.put(call, instance.id, replace(instance, profile=None))
    return {"IamInstanceProfileAssociation": _show(instance, instance.profile, "disassociating")}


@operation("ReplaceIamInstanceProfileAssociation", resource=_of_association)
def replace_association(call: Call, request: Request) -> dict[str, Any]:
    instance = _associated(call, request["AssociationId"])
    profile = wanted(call, request["IamInstanceProfile"])
    instance_kind.put(call, instance.id, replace(instance, profile=profile))
    return {"IamInstanceProfileAssociation": _show(instance, profile, "associating")}


@operation("DescribeIamInstanceProfileAssociations")
def describe_associations(call: Call, request: Request) -> dict[str, Any]:
    """Of instances that are not terminated."""
    keep = compiled(
        request.get("Filters") or [],
        {"instance-id": lambda instance: [instance.id], "state": lambda instance: ["associated"]},
        tagged=False,
    )
    found = [
        (instance.profile.association, instance)
        for instance in instance_kind.all(call)
        if instance.profile is not None and instance.there and keep(instance)
    ]
    wanted_ids = request.get("AssociationIds")
    if wanted_ids:
        lost = set(wanted_ids) - {association for association, _ in found}
        if lost:
            lost_id = min(lost)
            raise Ec2Error("InvalidAssociationID.NotFound", f"An invalid association-id of '{lost_id}' was given")
        found = [pair for pair in found if pair[0] in wanted_ids]
    items, token = cut(call, request, "profile-associations", found)
    shown = [_show(instance, instance.profile, "associated") for instance in items]
    return {"IamInstanceProfileAssociations": shown, **({"NextToken": token} if token else {})}
