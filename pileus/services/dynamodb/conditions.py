"""DynamoDB's own condition keys: which items and attributes a request names.

Source: DynamoDB Developer Guide, "Using IAM policy conditions for fine-grained access control". Worked out only when a
policy asks.
"""

from typing import Any

from pileus.service import Call

from . import fine_grained
from .records import TableRecord

Request = dict[str, Any]


def of_request(call: Call, request: Request, operation: str = "") -> dict[str, Any]:
    """`operation`: what one item of a transaction does; the call's own by default."""
    operation = operation or call.operation.name
    found: dict[str, Any] = {}
    table: TableRecord | None = call.subject
    if table is not None:
        found["dynamodb:LeadingKeys"] = fine_grained.leading_keys(table, operation, request)
        found["dynamodb:Attributes"] = fine_grained.attributes(table, operation, request)
        found["dynamodb:FirstPartitionKeyValues"] = found["dynamodb:LeadingKeys"]
    found["dynamodb:Select"] = fine_grained.select(operation, request)
    for key in ("ReturnValues", "ReturnConsumedCapacity"):
        found[f"dynamodb:{key}"] = request.get(key)
    if operation == "Scan":
        found["dynamodb:FullTableScan"] = True
    return {name: value for name, value in found.items() if value is not None}
