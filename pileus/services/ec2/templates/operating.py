"""The operations on launch templates."""

from collections.abc import Iterable
from typing import Any

import msgspec

from pileus.base.clock import iso_millis
from pileus.service import Call

from ..filters import boolean, compiled
from ..instances import showing
from ..instances.records import instance_kind
from ..kinds import created, targets
from ..listing import cut
from ..service import Ec2Error, Request, invalid, natural, operation
from ..tags import given as given_tags
from ..tags import shown as shown_tags
from ..tokens import made_before, remember
from ..volumes.records import volumes
from .records import Template, Version, named, names, template_kind, templates, version_of, versions

replace = msgspec.structs.replace
VERSIONS_MAX = 10_000
NAME_FORM = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.()/")


def _show(template: Template) -> dict[str, Any]:
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "CreateTime": template.created,
        "CreatedBy": template.by,
        "DefaultVersionNumber": template.default,
        "LatestVersionNumber": template.latest,
        **shown_tags(template.tags),
    }


def _show_version(template: Template, version: Version) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "VersionNumber": version.number,
        "CreateTime": version.created,
        "CreatedBy": version.by,
        "DefaultVersion": version.number == template.default,
        "LaunchTemplateData": version.data,
    }
    if version.description:
        shown["VersionDescription"] = version.description
    return shown


def _targets(call: Call, request: Request) -> list[str]:
    try:
        template = named(call, request.get("LaunchTemplateId"), request.get("LaunchTemplateName"))
    except Ec2Error:
        return [template_kind.arn(call, "*")]  # the handler says what is wrong
    return [template_kind.arn(call, template.id)]


def _data(request: Request) -> dict[str, Any]:
    """Kept as it is: a launch says what of it Pileus does not have."""
    data: dict[str, Any] = request["LaunchTemplateData"].plain()
    if not data:
        raise Ec2Error("MissingParameter", "The request must contain the parameter LaunchTemplateData")
    if "InstanceRequirements" in data:
        raise Ec2Error("Unsupported", "Pileus launches the type that is named: leave InstanceRequirements out.")
    return data


@operation("CreateLaunchTemplate", resource=created(template_kind))
def create_launch_template(call: Call, request: Request) -> dict[str, Any]:
    before = made_before(call, request)
    if before is not None:
        return {"LaunchTemplate": _show(template_kind.need(call, before[0]))}
    name = request["LaunchTemplateName"]
    if not 3 <= len(name) <= 128 or set(name) - NAME_FORM:
        raise Ec2Error(
            "InvalidLaunchTemplateName.MalformedException",
            "A launch template name must be between 3 and 128 characters: letters, numbers, and - ( ) . / _",
        )
    if names.get(call.tx, call.account, call.region, name) is not None:
        raise Ec2Error("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
    tags = given_tags(call, request, template_kind)[template_kind.type]
    made = Template(template_kind.new_id(), name, float(int(call.now)), call.caller.arn, tags=tags)
    template_kind.put(call, made.id, made)
    names.put(call.tx, call.account, call.region, name, record=made.id)
    _put_version(call, made, 1, _data(request), request.get("VersionDescription") or "")
    remember(call, request, [made.id])
    return {"LaunchTemplate": _show(made)}


def _put_version(call: Call, template: Template, number: int, data: dict[str, Any], description: str) -> Version:
    version = Version(number, float(int(call.now)), call.caller.arn, data, description)
    versions.put(call.tx, call.account, call.region, template.id, number, record=version)
    return version


@operation("CreateLaunchTemplateVersion", resource=_targets)
def create_launch_template_version(call: Call, request: Request) -> dict[str, Any]:
    template = named(call, request.get("LaunchTemplateId"), request.get("LaunchTemplateName"))
    before = made_before(call, request)
    if before is not None:
        return {"LaunchTemplateVersion": _show_version(template, version_of(call, template, before[0]))}
    if template.made >= VERSIONS_MAX:
        raise Ec2Error("VersionLimitExceeded", f"A launch template has at most {VERSIONS_MAX} versions.")
    data = _data(request)
    source = request.get("SourceVersion")
    if source:
        data = {**version_of(call, template, source).data, **data}
    changed = template_kind.put(call, template.id, replace(template, latest=template.made + 1, made=template.made + 1))
    version = _put_version(call, changed, changed.latest, data, request.get("VersionDescription") or "")
    remember(call, request, [str(version.number)])
    return {"LaunchTemplateVersion": _show_version(changed, version)}


@operation("ModifyLaunchTemplate", resource=_targets)
def modify_launch_template(call: Call, request: Request) -> dict[str, Any]:
    """Which version is the default."""
    template = named(call, request.get("LaunchTemplateId"), request.get("LaunchTemplateName"))
    request.get("ClientToken")  # doing it twice is doing it once
    number = version_of(call, template, request.get("DefaultVersion") or "").number
    return {"LaunchTemplate": _show(template_kind.put(call, template.id, replace(template, default=number)))}


@operation("DeleteLaunchTemplate", resource=_targets)
def delete_launch_template(call: Call, request: Request) -> dict[str, Any]:
    template = named(call, request.get("LaunchTemplateId"), request.get("LaunchTemplateName"))
    for version in list(_all(call, template)):
        versions.delete(call.tx, call.account, call.region, template.id, version.number)
    names.delete(call.tx, call.account, call.region, template.name)
    template_kind.delete(call, template.id)
    return {"LaunchTemplate": _show(template)}


def _all(call: Call, template: Template) -> Iterable[Version]:
    found = versions.scan(call.tx, call.account, call.region, template.id, limit=VERSIONS_MAX)
    return [version for _, version in found]


@operation("DeleteLaunchTemplateVersions", resource=_targets)
def delete_launch_template_versions(call: Call, request: Request) -> dict[str, Any]:
    template = named(call, request.get("LaunchTemplateId"), request.get("LaunchTemplateName"))
    done, failed = [], []
    for asked in request["Versions"]:
        about = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name}
        number = natural(asked) or 0
        about["VersionNumber"] = number  # type: ignore[assignment]
        there = versions.get(call.tx, call.account, call.region, template.id, number)
        if there is None or number == template.default:
            code = "launchTemplateVersionDoesNotExist" if there is None else "unexpectedError"
            why = "The version does not exist." if there is None else "The default version cannot be deleted."
            failed.append({**about, "ResponseError": {"Code": code, "Message": why}})
            continue
        versions.delete(call.tx, call.account, call.region, template.id, number)
        done.append(about)
    left = max(version.number for version in _all(call, template))
    template_kind.put(call, template.id, replace(template, latest=left))
    return {
        "SuccessfullyDeletedLaunchTemplateVersions": done,
        "UnsuccessfullyDeletedLaunchTemplateVersions": failed,
    }


@operation("DescribeLaunchTemplates")
def describe_launch_templates(call: Call, request: Request) -> dict[str, Any]:
    keep = compiled(request.get("Filters") or [], template_kind.filters)
    ids, wanted = request.get("LaunchTemplateIds"), request.get("LaunchTemplateNames")
    found = list(template_kind.all(call))
    if ids or wanted:
        found = [named(call, id, None) for id in ids or []] + [named(call, None, name) for name in wanted or []]
    pairs = [(template.id, template) for template in found if keep(template)]
    items, token = cut(call, request, templates.name, pairs)
    return {"LaunchTemplates": [_show(template) for template in items], **({"NextToken": token} if token else {})}


def _bound(request: Request, member: str) -> int:
    """0 for none."""
    given = request.get(member) or "0"
    number = natural(given)
    if number is None:
        raise invalid(f"Value ({given}) for parameter {member} is invalid. It is the number of a version.")
    return number


@operation("DescribeLaunchTemplateVersions")
def describe_launch_template_versions(call: Call, request: Request) -> dict[str, Any]:
    """Of one template; or the latest or default ones of all."""
    request.get("ResolveAlias")  # images are kept as they were named
    keep = compiled(
        request.get("Filters") or [],
        {
            "is-default-version": lambda pair: [boolean(pair[1].number == pair[0].default)],
            "create-time": lambda pair: [f"{iso_millis(pair[1].created)}Z"],
            "image-id": lambda pair: [pair[1].data.get("ImageId")],
            "instance-type": lambda pair: [pair[1].data.get("InstanceType")],
            "ebs-optimized": lambda pair: [boolean(bool(pair[1].data.get("EbsOptimized")))],
            "http-endpoint": lambda pair: [pair[1].data.get("MetadataOptions", {}).get("HttpEndpoint")],
            "http-tokens": lambda pair: [pair[1].data.get("MetadataOptions", {}).get("HttpTokens")],
            "iam-instance-profile": lambda pair: list(pair[1].data.get("IamInstanceProfile", {}).values()),
            "kernel-id": lambda pair: [pair[1].data.get("KernelId")],
            "ram-disk-id": lambda pair: [pair[1].data.get("RamDiskId")],
        },
        tagged=False,
    )
    wanted = request.get("Versions") or []
    pairs: list[tuple[Template, Version]] = []
    if request.get("LaunchTemplateId") or request.get("LaunchTemplateName"):
        template = named(call, request.get("LaunchTemplateId"), request.get("LaunchTemplateName"))
        low, high = _bound(request, "MinVersion"), _bound(request, "MaxVersion")
        chosen = [version_of(call, template, one) for one in wanted] if wanted else _all(call, template)
        pairs = [
            (template, version)
            for version in chosen
            if (not low or version.number >= low) and (not high or version.number <= high)
        ]
    else:
        if not wanted or set(wanted) - {"$Latest", "$Default"}:
            raise invalid("Without a launch template, versions are $Latest or $Default.")
        pairs = [(one, version_of(call, one, asked)) for one in template_kind.all(call) for asked in wanted]
    named_pairs = [(f"{pair[0].id}/{10**6 - pair[1].number:07}", pair) for pair in pairs if keep(pair)]
    items, token = cut(call, request, "template-versions", named_pairs)
    return {
        "LaunchTemplateVersions": [_show_version(*pair) for pair in items],
        **({"NextToken": token} if token else {}),
    }


@operation("GetLaunchTemplateData", resource=targets(instance_kind, "InstanceId"))
def get_launch_template_data(call: Call, request: Request) -> dict[str, Any]:
    """What a template would say to launch another one like it."""
    instance = instance_kind.need(call, request["InstanceId"])
    data: dict[str, Any] = {
        "ImageId": instance.image,
        "InstanceType": instance.type,
        "EbsOptimized": instance.ebs_optimized,
        "Monitoring": {"Enabled": instance.monitored},
        "DisableApiTermination": instance.keep,
        "DisableApiStop": instance.keep_running,
        "InstanceInitiatedShutdownBehavior": instance.on_shutdown,
        "Placement": {
            name: value for name, value in showing.placement(instance).items() if value and name != "GroupId"
        },
        "MetadataOptions": {k: v for k, v in showing.metadata(instance.metadata).items() if k != "State"},
    }
    if instance.key_name:
        data["KeyName"] = instance.key_name
    if instance.user_data:
        data["UserData"] = instance.user_data
    if instance.profile is not None:
        data["IamInstanceProfile"] = {"Arn": instance.profile.arn}
    mappings = []
    for disk in instance.disks:
        volume = volumes.get(call.tx, instance.account, instance.region, disk.volume)
        if volume is not None and volume.attachment is not None:
            ebs: dict[str, Any] = {
                "VolumeSize": volume.size,
                "VolumeType": volume.type,
                "DeleteOnTermination": volume.attachment.delete_on_termination,
            }
            if volume.snapshot:
                ebs["SnapshotId"] = volume.snapshot
            mappings.append({"DeviceName": disk.device, "Ebs": ebs})
    data["BlockDeviceMappings"] = mappings
    if instance.tags:
        tags = [{"Key": key, "Value": value} for key, value in instance.tags.items() if not key.startswith("aws:")]
        data["TagSpecifications"] = [{"ResourceType": "instance", "Tags": tags}]
    return {"LaunchTemplateData": data}
