"""What is kept of launch templates."""

from typing import Any

import msgspec

from pileus.base.clock import iso_millis
from pileus.service import Call
from pileus.store import Table

from ..kinds import Kind
from ..service import Ec2Error, invalid, missing, natural


class Template(msgspec.Struct, frozen=True):
    """`latest`: the highest number there is; `made`: the highest there ever was, for a number is given once."""

    id: str
    name: str
    created: float
    by: str
    default: int = 1
    latest: int = 1
    made: int = 1
    tags: dict[str, str] = {}


class Version(msgspec.Struct, frozen=True):
    """`data`: as it was given (RequestLaunchTemplateData)."""

    number: int
    created: float
    by: str
    data: dict[str, Any]
    description: str = ""


templates = Table("ec2.templates", Template)
names = Table("ec2.templates.by_name", str)  # account, region, name -> id
versions = Table("ec2.templates.versions", Version)  # account, region, template, number

template_kind: Kind[Template] = Kind(
    "lt",
    "launch-template",
    "InvalidLaunchTemplateId",
    "launch template",
    templates,
    filters={
        "launch-template-name": lambda template: [template.name],
        "launch-template-id": lambda template: [template.id],
        "create-time": lambda template: [f"{iso_millis(template.created)}Z"],
    },
    keys=lambda call, template: {"ec2:LaunchTemplate": template_kind.arn(call, template.id)},
)


def named(call: Call, id: str | None, name: str | None) -> Template:
    """Raises what AWS raises for none, both, or one that is not there."""
    if bool(id) == bool(name):
        if not id:
            raise missing("LaunchTemplateId or LaunchTemplateName")
        raise invalid("Only one of LaunchTemplateId and LaunchTemplateName may be given.")
    if name:
        found_id = names.get(call.tx, call.account, call.region, name)
        if found_id is None:
            raise Ec2Error(
                "InvalidLaunchTemplateName.NotFoundException",
                f"The specified launch template, with template name {name}, does not exist.",
            )
        id = found_id
    assert id
    return template_kind.need(call, id)


def version_of(call: Call, template: Template, asked: str) -> Version:
    """'3', '$Latest' or '$Default'; '' is the default."""
    number = {"": template.default, "$Default": template.default, "$Latest": template.latest}.get(asked)
    if number is None:
        number = natural(asked)
    if number is None:
        raise Ec2Error("InvalidLaunchTemplateId.VersionNotFound", f"The version '{asked}' is not a number.")
    found = versions.get(call.tx, call.account, call.region, template.id, number)
    if found is None:
        raise Ec2Error(
            "InvalidLaunchTemplateId.VersionNotFound",
            f"Could not find the specified version {asked} for the launch template with ID {template.id}.",
        )
    return found
