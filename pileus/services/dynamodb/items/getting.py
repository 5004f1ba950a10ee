"""GetItem. Source: DynamoDB API Reference, "GetItem"."""

from typing import Any

from pileus.service import Call

from ..addressing import item_operation, usable
from . import capacity, changing
from .asking import parameters_of, projection_of
from .capacity import Spent, read_units
from .keys import checked_key, row_key

Request = dict[str, Any]


@item_operation("GetItem")
def get_item(call: Call, request: Request) -> dict[str, Any]:
    parameters = parameters_of(request)
    wanted = projection_of(request, parameters)
    parameters.finish()
    table = usable(call, request)
    key = row_key(table, checked_key(table, request["Key"]))
    found = changing.read(call, table, key)
    size = found.size if found is not None else 0
    spent = Spent(read_units(max(1, size), bool(request.get("ConsistentRead"))), {})
    capacity.charge(call, table, spent, "read")
    answer = capacity.told(request, table, spent)
    if found is not None:
        answer["Item"] = found.whole if wanted is None else wanted.of(found.item)
    return answer
