"""Flow logs: which packets passed interfaces, and which were refused, told to S3.

Source: EC2 API Reference, "CreateFlowLogs", "DescribeFlowLogs", "DeleteFlowLogs"; Amazon VPC User Guide, "Publish flow
logs to Amazon S3" (the bucket policy that is attached on its own where the caller may do so).
"""

import re
from typing import Any

import orjson

from pileus.base.errors import ApiError
from pileus.service import AccessDenied, Call

from .. import tags
from ..filters import compiled, nobodys
from ..kinds import Kind, targets
from ..listing import describe
from ..service import Ec2Error, Request, invalid, missing
from ..tokens import made_before, remember
from . import flow_records, quotas
from .defaults import operation, own
from .flow_lines import DEFAULT_FORMAT, fields_of
from .flow_records import FlowLog, logs_in
from .kinds import INTERFACE, SUBNET, VPC
from .waking import changed

INTERVALS = (60, 600)
BUCKET = re.compile(r"arn:[a-z-]+:s3:::([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")
RESOURCES: dict[str, Kind[Any]] = {"VPC": VPC, "Subnet": SUBNET, "NetworkInterface": INTERFACE}
DELIVERY = "delivery.logs.amazonaws.com"

FLOW_LOG: Kind[FlowLog] = Kind(
    "fl",
    "vpc-flow-log",
    "InvalidFlowLogId",
    "flow log",
    flow_records.flow_logs,
    {
        "flow-log-id": lambda log: [log.id],
        "resource-id": lambda log: [log.resource],
        "traffic-type": lambda log: [log.traffic],
        "log-destination-type": lambda log: ["s3"],
        **nobodys("log-group-name"),
        "deliver-log-status": lambda log: ["FAILED" if log.error else "SUCCESS"],
    },
    malformed="InvalidFlowLogId.NotFound",
)


def show(call: Call, log: FlowLog) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "FlowLogId": log.id,
        "FlowLogStatus": "ACTIVE",
        "ResourceId": log.resource,
        "TrafficType": log.traffic,
        "LogDestinationType": "s3",
        "LogDestination": log.destination,
        "LogFormat": log.format,
        "MaxAggregationInterval": log.interval,
        "CreationTime": log.created,
        "DeliverLogsStatus": "FAILED" if log.error else "SUCCESS",
        "DestinationOptions": {
            "FileFormat": "plain-text",
            "HiveCompatiblePartitions": log.hive,
            "PerHourPartition": log.hourly,
        },
        "Tags": tags.show(log.tags),
    }
    return shown | ({"DeliverLogsErrorMessage": log.error} if log.error else {})


def _creating(call: Call, request: Request) -> list[str]:
    kind = RESOURCES.get(request.get("ResourceType") or "")
    named = [kind.arn(call, id) for id in request.get("ResourceIds") or []] if kind is not None else []
    return [FLOW_LOG.arn(call, "*"), *named]


def _destination(request: Request) -> tuple[str, str, str]:
    """(ARN, bucket, prefix)."""
    type = request.get("LogDestinationType") or ("cloud-watch-logs" if "LogGroupName" in request else "s3")
    if type != "s3":
        raise invalid(f"Flow logs go to S3 here: {type} is not there yet. LogDestinationType is s3.")
    given = request.get("LogDestination")
    if not given:
        raise missing("LogDestination")
    found = BUCKET.fullmatch(given)
    if found is None:
        raise invalid(f"Value ({given}) for parameter LogDestination is invalid. It must be the ARN of a bucket.")
    prefix = (found[2] or "").strip("/")
    if "AWSLogs" in prefix.split("/"):
        raise invalid("LogDestination: AWSLogs is reserved and cannot be used as a folder.")
    return given, found[1], f"{prefix}/" if prefix else ""


def _wishes(request: Request) -> dict[str, Any]:
    """How it is to be written."""
    interval, options = request.get("MaxAggregationInterval") or 600, request.get("DestinationOptions") or {}
    if interval not in INTERVALS:
        raise invalid(f"Value ({interval}) for parameter MaxAggregationInterval is invalid. It is 60 or 600.")
    if options.get("FileFormat") not in (None, "plain-text"):
        raise invalid("Files are plain text: FileFormat parquet is not there.")
    format = request.get("LogFormat") or DEFAULT_FORMAT
    try:
        fields = fields_of(format)
    except ValueError as error:
        raise invalid(str(error)) from None
    return {
        "interval": interval,
        "format": format,
        "fields": fields,
        "hive": bool(options.get("HiveCompatiblePartitions")),
        "hourly": bool(options.get("PerHourPartition")),
    }


@operation(
    "CreateFlowLogs",
    resource=_creating,
    partial="to S3, as plain text, of VPCs, subnets and interfaces; the fields of docs/services/ec2.md",
)
def create_flow_logs(call: Call, request: Request) -> dict[str, Any]:
    token = {"ClientToken": request["ClientToken"]} if "ClientToken" in request else {}
    there = made_before(call, request)
    if there is not None:
        return {"FlowLogIds": there, "Unsuccessful": [], **token}
    kind = RESOURCES.get(request["ResourceType"])
    if kind is None:
        raise invalid(
            f"Flow logs of {request['ResourceType']} are not there: ResourceType is VPC, Subnet or NetworkInterface."
        )
    if "TrafficType" not in request:
        raise missing("TrafficType")
    (destination, bucket, prefix), wishes = _destination(request), _wishes(request)
    given = tags.given(call, request, FLOW_LOG)[FLOW_LOG.type]
    made, unsuccessful = [], []
    for resource in kind.need_all(call, request["ResourceIds"]):
        vpc = resource.id if kind is VPC else resource.vpc
        id = FLOW_LOG.new_id()
        log = FlowLog(
            vpc=vpc,
            resource=resource.id,
            traffic=request["TrafficType"],
            bucket=bucket,
            prefix=prefix,
            destination=destination,
            **wishes,
            **own(call, id, given),
        )
        wrong = _no_room(call, log)
        if wrong is not None:
            unsuccessful.append({"ResourceId": resource.id, "Error": {"Code": wrong.code, "Message": wrong.message}})
            continue
        FLOW_LOG.put(call, id, log)
        made.append(id)
        changed(call, vpc)
    if made:
        _let_in(call, bucket, prefix, wishes["hive"])
    remember(call, request, made)
    return {"FlowLogIds": made, "Unsuccessful": unsuccessful, **token}


def _no_room(call: Call, log: FlowLog) -> Ec2Error | None:
    others = [each for each in logs_in(call.tx, call.account, call.region, log.vpc) if each.resource == log.resource]
    if any((each.destination, each.traffic) == (log.destination, log.traffic) for each in others):
        return Ec2Error(
            "FlowLogAlreadyExists",
            f"There is an existing Flow Log with the same configuration and log destination: {log.destination}",
        )
    if len(others) >= quotas.FLOW_LOGS:
        return Ec2Error("FlowLogsLimitExceeded", "The maximum number of flow logs has been reached.")
    return None


def _let_in(call: Call, bucket: str, prefix: str, hive: bool) -> None:
    """Attaches the policy that lets the delivery write, if the bucket is the caller's and the caller may."""
    try:
        there = call.invoke("s3", "GetBucketPolicy", {"Bucket": bucket})
        policy = orjson.loads(there["Policy"])
    except AccessDenied:
        return
    except ApiError as error:
        if error.code == "NoSuchBucket":
            raise invalid(f"LogDestination: {bucket} does not exist") from None
        if error.code != "NoSuchBucketPolicy":
            raise
        policy = {"Version": "2012-10-17", "Id": "AWSLogDeliveryWrite20150319", "Statement": []}
    statements = policy.get("Statement")
    statements = statements if isinstance(statements, list) else [statements]
    known = [_unnamed(each) for each in statements]
    wanted = [each for each in _statements(call, bucket, prefix, hive) if _unnamed(each) not in known]
    if not wanted:
        return
    for each in wanted:  # names are unique in a policy
        each["Sid"] += str(len(statements) or "")
    document = orjson.dumps({**policy, "Statement": [*statements, *wanted]}).decode()
    try:
        call.invoke("s3", "PutBucketPolicy", {"Bucket": bucket, "Policy": document})
    except AccessDenied:
        return  # who owns the bucket writes the policy; until then deliveries fail, which DescribeFlowLogs tells


def _unnamed(statement: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in statement.items() if key != "Sid"}


def _statements(call: Call, bucket: str, prefix: str, hive: bool) -> list[dict[str, Any]]:
    home = f"arn:{call.partition}:s3:::{bucket}"
    whose = {"aws:SourceAccount": call.account}
    source = {"ArnLike": {"aws:SourceArn": f"arn:{call.partition}:logs:{call.region}:{call.account}:*"}}
    principal = {"Service": DELIVERY}
    folder = f"aws-account-id={call.account}" if hive else call.account
    return [
        {
            "Sid": "AWSLogDeliveryWrite",
            "Effect": "Allow",
            "Principal": principal,
            "Action": "s3:PutObject",
            "Resource": f"{home}/{prefix}AWSLogs/{folder}/*",
            "Condition": {"StringEquals": {**whose, "s3:x-amz-acl": "bucket-owner-full-control"}, **source},
        },
        {
            "Sid": "AWSLogDeliveryAclCheck",
            "Effect": "Allow",
            "Principal": principal,
            "Action": "s3:GetBucketAcl",
            "Resource": home,
            "Condition": {"StringEquals": whose, **source},
        },
    ]


@operation("DescribeFlowLogs")
def describe_flow_logs(call: Call, request: Request) -> dict[str, Any]:
    """The member with the filters has a name of its own."""
    keep = compiled(request.get("Filter") or [], FLOW_LOG.filters)
    return describe(call, request, FLOW_LOG, ids="FlowLogIds", answer="FlowLogs", show=show, extra=keep)


@operation("DeleteFlowLogs", resource=targets(FLOW_LOG, "FlowLogIds"))
def delete_flow_logs(call: Call, request: Request) -> dict[str, Any]:
    unsuccessful = []
    for id in dict.fromkeys(request["FlowLogIds"]):
        log = FLOW_LOG.get(call, id)
        if log is None:
            error = FLOW_LOG.unknown([id])
            unsuccessful.append({"ResourceId": id, "Error": {"Code": error.code, "Message": error.message}})
            continue
        FLOW_LOG.delete(call, id)
        changed(call, log.vpc)
    return {"Unsuccessful": unsuccessful}
