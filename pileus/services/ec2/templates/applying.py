"""A launch by template: what the request says wins over what the template says.

Source: Amazon EC2 User Guide, "Launch EC2 instances using a launch template" (tags of both are given; the instance
bears aws:ec2launchtemplate:id and :version).
"""

from typing import Any

from pileus.service import Call

from .records import named, version_of


def applied(call: Call, request: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The request as a whole, and the tags that tell where it is from. Plain: what reads it keeps count itself."""
    given = request.get("LaunchTemplate")
    if given is None:
        return request, {}
    template = named(call, given.get("LaunchTemplateId"), given.get("LaunchTemplateName"))
    version = version_of(call, template, given.get("Version") or "")
    merged = {**version.data, **{name: value for name, value in request.items() if name != "LaunchTemplate"}}
    both = [*_tags(version.data), *_tags(request)]
    if both:
        merged["TagSpecifications"] = _joined(both)
    if "NetworkInterfaces" in merged:
        for member in ("SecurityGroupIds", "SecurityGroups"):
            if member not in request:
                merged.pop(member, None)
    own = {"aws:ec2launchtemplate:id": template.id, "aws:ec2launchtemplate:version": str(version.number)}
    return merged, own


def _tags(data: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    return [(one["ResourceType"], tag) for one in data.get("TagSpecifications") or [] for tag in one.get("Tags") or []]


def _joined(pairs: list[tuple[str, dict[str, str]]]) -> list[dict[str, Any]]:
    """The later of two tags of one key counts."""
    found: dict[str, dict[str, str]] = {}
    for type, tag in pairs:
        found.setdefault(type, {})[tag.get("Key") or ""] = tag.get("Value") or ""
    return [
        {"ResourceType": type, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        for type, tags in found.items()
    ]
