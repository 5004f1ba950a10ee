"""What an account may have in a region.

Source: EC2 API Reference, "DescribeAccountAttributes".
"""

from typing import Any

from pileus.service import Call

from ..service import Request
from . import quotas, records
from .defaults import operation

INSTANCES = 20
"""AWS's own number for accounts that have not asked for more; machines are counted by vCPUs these days."""


@operation("DescribeAccountAttributes")
def describe_account_attributes(call: Call, request: Request) -> dict[str, Any]:
    known = {
        "supported-platforms": "VPC",
        "default-vpc": records.homes.get(call.tx, call.account, call.region) or "none",
        "max-instances": str(INSTANCES),
        "vpc-max-security-groups-per-interface": str(quotas.GROUPS_OF_INTERFACE),
        "max-elastic-ips": str(quotas.ELASTIC_ADDRESSES),
        "vpc-max-elastic-ips": str(quotas.ELASTIC_ADDRESSES),
    }
    wanted = request.get("AttributeNames") or list(known)
    return {
        "AccountAttributes": [
            {"AttributeName": name, "AttributeValues": [{"AttributeValue": known[name]}]}
            for name in wanted
            if name in known
        ]
    }
