"""Credentials of a machine's role: made when they are asked for, made anew well before they expire.

Source: Amazon EC2 User Guide, "Retrieve security credentials from instance metadata" (new ones at least five minutes
before the old ones expire); IAM User Guide, "AWS global condition context keys" (ec2:SourceInstanceARN,
aws:Ec2InstanceSourceVpc, aws:Ec2InstanceSourcePrivateIPv4).
"""

import json
from typing import Any

import msgspec

from pileus.base.clock import iso
from pileus.base.errors import ApiError
from pileus.identity.keys import sessions
from pileus.identity.roles import Role, find_profile, find_role
from pileus.service import Call
from pileus.service.acting import service_caller
from pileus.store import Table

from ..acting import HOST
from ..instances.records import Instance, instance_kind

LASTS_SECONDS = 6 * 3_600.0
RENEWED_SECONDS = 3_600.0
"""Before they expire."""


class Kept(msgspec.Struct, frozen=True):
    """The session that a machine has now. `role_id`: whose."""

    session: str
    role_id: str
    issued: float
    expires: float


kept = Table("ec2.metadata.credentials", Kept)  # instance


def role_of(call: Call, instance: Instance) -> Role | None:
    """The role in its instance profile, as that is now."""
    if instance.profile is None:
        return None
    profile = find_profile(call.tx, instance.profile.account, instance.profile.name)
    if profile is None or profile.id != instance.profile.id or not profile.role:
        return None
    return find_role(call.tx, profile.account, profile.role)


def info(call: Call, instance: Instance) -> str | None:
    if instance.profile is None:
        return None
    found = {
        "Code": "Success",
        "LastUpdated": iso(instance.profile.at),
        "InstanceProfileArn": instance.profile.arn,
        "InstanceProfileId": instance.profile.id,
    }
    return json.dumps(found, indent=2)


def show(call: Call, instance: Instance, role: Role) -> str:
    """The JSON that SDKs read."""
    session = _current(call, instance, role)
    if isinstance(session, dict):
        return json.dumps(session, indent=2)
    found = {
        "Code": "Success",
        "LastUpdated": iso(session.issued),
        "Type": "AWS-HMAC",
        "AccessKeyId": session.id,
        "SecretAccessKey": session.secret,
        "Token": session.token,
        "Expiration": iso(session.expires),
    }
    return json.dumps(found, indent=2)


def _current(call: Call, instance: Instance, role: Role) -> Any:
    """The session; or what a machine is told that may not have the role."""
    now = kept.get(call.tx, instance.id)
    if now is not None and now.role_id == role.id and call.now < now.expires - RENEWED_SECONDS:
        session = sessions.get(call.tx, now.session)
        if session is not None:
            return session
    request = {"RoleArn": role.arn, "RoleSessionName": instance.id}
    try:
        made = call.invoke("sts", "AssumeRole", request, as_=service_caller(HOST))
    except ApiError:
        return {
            "Code": "AssumeRoleUnauthorizedAccess",
            "Message": f"EC2 cannot assume the role {role.name}. Please see documentation at "
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html",
            "LastUpdated": iso(call.now),
        }
    session = sessions.get(call.tx, made["Credentials"]["AccessKeyId"])
    assert session is not None
    context: dict[str, Any] = {
        "ec2:SourceInstanceARN": instance_kind.arn(call, instance.id, instance.account),
        "aws:Ec2InstanceSourceVpc": instance.vpc,
        "aws:Ec2InstanceSourcePrivateIPv4": instance.private_address,
    }
    # An instance's credentials last longer than a role's sessions may otherwise.
    session = msgspec.structs.replace(session, expires=call.now + LASTS_SECONDS, context={**session.context, **context})
    sessions.put(call.tx, session.id, record=session)
    kept.put(call.tx, instance.id, record=Kept(session.id, role.id, call.now, session.expires))
    return session
