"""How many there may be: AWS's default quotas.

Source: Amazon VPC User Guide, "Amazon VPC quotas"; Amazon EC2 User Guide, "Elastic IP addresses".
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from ..service import Ec2Error

VPCS, GATEWAYS, ELASTIC_ADDRESSES = 5, 5, 5
RANGES, SUBNETS, ROUTE_TABLES, ROUTES, ACLS, ACL_ENTRIES = 5, 200, 200, 500, 200, 20
GROUPS, GROUP_RULES, GROUPS_OF_INTERFACE = 2_500, 60, 5
INTERFACES, ADDRESSES_OF_INTERFACE = 5_000, 50
NAT_GATEWAYS_OF_ZONE, PEERINGS, PREFIX_LISTS, PREFIX_LIST_ENTRIES, ENDPOINTS, FLOW_LOGS = 5, 50, 100, 1_000, 20, 2


def room(there: Iterable[Any], most: int, code: str, message: str) -> None:
    """Raises the error when there are as many as may be."""
    if sum(1 for _ in islice(there, most)) >= most:
        raise Ec2Error(code, message)
