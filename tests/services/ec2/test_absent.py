"""What nobody can have here: none are there, and none can be made."""

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from pileus import ledger
from pileus.services.ec2.absent import ABSENT

STATES = {entry.operation: entry.state for entry in ledger.entries("ec2")}


@pytest.mark.parametrize("absent", ABSENT, ids=lambda absent: absent.read)
def test_there_are_none_because_none_can_be_made(shared_cloud, absent):
    assert {STATES[maker] for maker in absent.makers} == {"refused"}
    ec2 = shared_cloud.client("ec2")
    describe = getattr(ec2, xform_name(absent.read))
    needed = {"MaxResults": 5} if absent.read == "DescribeByoipCidrs" else {}
    assert describe(**needed)[absent.answer] == []
    if absent.ids:
        with pytest.raises(ClientError) as error:
            describe(**{absent.ids: ["x-00000000000000000"]})
        assert error.value.response["Error"]["Code"] == absent.code


def test_filters_and_pages_of_nothing_are_nothing(shared_cloud):
    ec2 = shared_cloud.client("ec2")
    filters = [{"Name": "state", "Values": ["available"]}]
    assert ec2.describe_vpn_gateways(Filters=filters)["VpnGateways"] == []
    assert ec2.describe_hosts(Filter=filters)["Hosts"] == []
    with pytest.raises(ClientError):
        ec2.describe_fleets(NextToken="more")
