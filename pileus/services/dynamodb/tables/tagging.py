"""Tags on tables. Source: DynamoDB Developer Guide, "Tagging tables in DynamoDB"; API Reference, "TagResource"."""

from typing import Any

import msgspec

from pileus.service import Call, paginate
from pileus.service.paginate import BadToken

from ..addressing import find, policy_of
from ..errors import Invalid, ResourceNotFound
from ..records import TableRecord, keep
from ..service import dynamodb

Request = dict[str, Any]
TAGS_MAX = 50
PAGE = 10


def checked_tags(there: dict[str, str], given: list[dict[str, str]]) -> dict[str, str]:
    """The tags after the given ones are put on."""
    names = [tag["Key"] for tag in given]
    if len(set(names)) != len(names):
        raise Invalid("One or more parameter values were invalid: Duplicate tag keys are not allowed")
    if any(name.lower().startswith("aws:") for name in names):
        raise Invalid("One or more parameter values were invalid: Tag keys must not begin with aws:")
    after = {**there, **{tag["Key"]: tag["Value"] for tag in given}}
    if len(after) > TAGS_MAX:
        raise Invalid(f"One or more parameter values were invalid: Number of tags exceeds the limit of {TAGS_MAX}")
    return after


def _resource(call: Call, request: Request) -> str:
    arn: str = request["ResourceArn"]
    if not arn.startswith("arn:"):
        raise Invalid(f"Invalid TableArn: Invalid ResourceArn provided as input {arn}")
    call.subject = find(call, arn)
    return arn


def _table(call: Call, request: Request) -> TableRecord:
    table: TableRecord | None = call.subject
    if table is None:
        raise ResourceNotFound(f"Requested resource not found: ResourcArn: {request['ResourceArn']} not found")
    return table


def _change(call: Call, table: TableRecord, tags: dict[str, str]) -> None:
    keep(call.tx, msgspec.structs.replace(table, tags=tags))


@dynamodb.operation("TagResource", resource=_resource, resource_policy=policy_of)
def tag_resource(call: Call, request: Request) -> None:
    table = _table(call, request)
    _change(call, table, checked_tags(table.tags, request["Tags"]))


@dynamodb.operation("UntagResource", resource=_resource, resource_policy=policy_of)
def untag_resource(call: Call, request: Request) -> None:
    table = _table(call, request)
    _change(call, table, {name: value for name, value in table.tags.items() if name not in request["TagKeys"]})


@dynamodb.operation("ListTagsOfResource", resource=_resource, resource_policy=policy_of)
def list_tags_of_resource(call: Call, request: Request) -> dict[str, Any]:
    table = _table(call, request)
    rows = [((name,), {"Key": name, "Value": value}) for name, value in sorted(table.tags.items())]
    try:
        page = paginate(
            lambda after, n: [row for row in rows if after is None or row[0] > after][:n],
            purpose=f"dynamodb.tags/{table.id}",
            token=request.get("NextToken"),
            limit=PAGE,
        )
    except BadToken:
        raise Invalid("Invalid NextToken") from None
    answer: dict[str, Any] = {"Tags": page.items}
    if page.next_token:
        answer["NextToken"] = page.next_token
    return answer
