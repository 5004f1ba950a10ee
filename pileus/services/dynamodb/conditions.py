"""DynamoDB's own condition keys: which items and attributes a request names.

Source: DynamoDB Developer Guide, "Using IAM policy conditions for fine-grained access control". Worked out only when a
policy asks.
"""

from typing import Any

from pileus.service import Call

from .records import TableRecord

Request = dict[str, Any]


def of_request(call: Call, request: Request) -> dict[str, Any]:
    from .items import fine_grained

    found: dict[str, Any] = {}
    table: TableRecord | None = call.subject
    if table is not None:
        found["dynamodb:LeadingKeys"] = fine_grained.leading_keys(table, call.operation.name, request)
        found["dynamodb:Attributes"] = fine_grained.attributes(table, call.operation.name, request)
        found["dynamodb:FirstPartitionKeyValues"] = found["dynamodb:LeadingKeys"]
    for key in ("Select", "ReturnValues", "ReturnConsumedCapacity"):
        if key in request:
            found[f"dynamodb:{key}"] = request[key]
    if call.operation.name == "Scan":
        found["dynamodb:FullTableScan"] = True
    return {name: value for name, value in found.items() if value is not None}
