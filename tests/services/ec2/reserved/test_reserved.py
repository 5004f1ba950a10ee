"""Reserved Instances: offered, bought, queued, changed; their states follow the cloud's clock."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from tests.services.ec2.conftest import allow

DAY = 86_400.0
YEAR = 365 * DAY


@pytest.fixture
def offer(ec2):
    """A function that gives the one offering that all of it describes."""

    def one(type="t3.large", zone="", **more):
        scope = "Availability Zone" if zone else "Region"
        filters = [{"Name": "scope", "Values": [scope]}, {"Name": "duration", "Values": ["31536000"]}]
        wanted = {"InstanceType": type, "OfferingClass": "standard", "OfferingType": "All Upfront", **more}
        if zone:
            wanted["AvailabilityZone"] = zone
        found = ec2.describe_reserved_instances_offerings(Filters=filters, **wanted)["ReservedInstancesOfferings"]
        assert len(found) == 1
        return found[0]

    return one


@pytest.fixture
def buy(cloud, ec2, offer):
    """A function that buys and answers the id of what was bought, active by then."""

    def one(count=1, **more):
        id = offer(**more)["ReservedInstancesOfferingId"]
        made = ec2.purchase_reserved_instances_offering(ReservedInstancesOfferingId=id, InstanceCount=count)
        cloud.advance(60)
        return made["ReservedInstancesId"]

    return one


@pytest.fixture
def reserved(ec2):
    def one(id):
        return ec2.describe_reserved_instances(ReservedInstancesIds=[id])["ReservedInstances"][0]

    return one


def code(call, **members):
    with pytest.raises(ClientError) as error:
        call(**members)
    return error.value.response["Error"]["Code"]


def now(cloud):
    return datetime.fromtimestamp(int(cloud.app.cloud.clock.now()), UTC)


def test_each_type_is_offered_for_two_terms_in_two_classes_paid_in_three_ways_for_the_region_and_each_zone(ec2):
    pages = ec2.get_paginator("describe_reserved_instances_offerings").paginate(InstanceType="t3.large")
    found = [offer for page in pages for offer in page["ReservedInstancesOfferings"]]
    zones = len(ec2.describe_availability_zones()["AvailabilityZones"])
    assert len(found) == 2 * 2 * 3 * (1 + zones)
    assert len({offer["ReservedInstancesOfferingId"] for offer in found}) == len(found)
    assert {offer["Duration"] for offer in found} == {31_536_000, 94_608_000}
    assert all("AvailabilityZone" in offer for offer in found if offer["Scope"] == "Availability Zone")
    assert not any("AvailabilityZone" in offer for offer in found if offer["Scope"] == "Region")


def test_no_price_is_invented(ec2, offer):
    assert not {"FixedPrice", "UsagePrice"} & offer().keys()
    assert code(ec2.describe_reserved_instances_offerings, Filters=[{"Name": "fixed-price", "Values": ["1"]}]) == (
        "Unsupported"
    )
    id = offer()["ReservedInstancesOfferingId"]
    limit = {"Amount": 100.0, "CurrencyCode": "USD"}
    refused = code(
        ec2.purchase_reserved_instances_offering, ReservedInstancesOfferingId=id, InstanceCount=1, LimitPrice=limit
    )
    assert refused == "Unsupported"


def test_pages_of_offerings_neither_repeat_nor_skip(ec2):
    seen, token = [], {}
    while True:
        page = ec2.describe_reserved_instances_offerings(
            MaxResults=25, Filters=[{"Name": "instance-type", "Values": ["t3.nano", "m5.large"]}], **token
        )
        seen += [offer["ReservedInstancesOfferingId"] for offer in page["ReservedInstancesOfferings"]]
        if "NextToken" not in page:
            break
        assert len(page["ReservedInstancesOfferings"]) == 25
        token = {"NextToken": page["NextToken"]}
    zones = len(ec2.describe_availability_zones()["AvailabilityZones"])
    assert len(seen) == len(set(seen)) == 2 * 12 * (1 + zones)


def test_an_offering_keeps_its_id_and_is_found_by_it(cloud, ec2, offer):
    first = offer(zone="us-east-1b")
    cloud.restart()
    again = cloud.client("ec2")
    id = first["ReservedInstancesOfferingId"]
    found = again.describe_reserved_instances_offerings(ReservedInstancesOfferingIds=[id])
    assert found["ReservedInstancesOfferings"] == [first]


def test_other_platforms_tenancies_and_terms_are_not_offered(ec2):
    def count(**wanted):
        return len(
            ec2.describe_reserved_instances_offerings(InstanceType="t3.nano", **wanted)["ReservedInstancesOfferings"]
        )

    assert count(ProductDescription="Windows") == 0
    assert count(InstanceTenancy="dedicated") == 0
    assert count(MaxDuration=3_000_000) == 0
    assert count(MinDuration=94_608_000) == count(MaxDuration=31_536_000) > 0
    assert count(Filters=[{"Name": "marketplace", "Values": ["true"]}]) == 0
    assert code(ec2.describe_reserved_instances_offerings, InstanceTenancy="host") == "InvalidParameterValue"


def test_a_purchase_is_pending_then_active_then_retired(cloud, ec2, offer, reserved):
    wanted = offer()
    id = ec2.purchase_reserved_instances_offering(
        ReservedInstancesOfferingId=wanted["ReservedInstancesOfferingId"], InstanceCount=2
    )["ReservedInstancesId"]
    one = reserved(id)
    assert (one["State"], one["InstanceCount"], one["InstanceType"]) == ("payment-pending", 2, "t3.large")
    assert one["End"] - one["Start"] == timedelta(days=365)
    cloud.advance(60)
    assert reserved(id)["State"] == "active"
    cloud.advance(YEAR)
    assert reserved(id)["State"] == "retired"
    active = ec2.describe_reserved_instances(Filters=[{"Name": "state", "Values": ["active"]}])
    assert active["ReservedInstances"] == []


def test_a_dry_run_buys_nothing(ec2, offer):
    id = offer()["ReservedInstancesOfferingId"]
    dry = code(ec2.purchase_reserved_instances_offering, ReservedInstancesOfferingId=id, InstanceCount=1, DryRun=True)
    assert dry == "DryRunOperation"
    assert ec2.describe_reserved_instances()["ReservedInstances"] == []


def test_twenty_a_month_for_the_region_and_for_each_zone(cloud, ec2, offer):
    def buy(count, **more):
        id = offer(**more)["ReservedInstancesOfferingId"]
        return {"ReservedInstancesOfferingId": id, "InstanceCount": count}

    ec2.purchase_reserved_instances_offering(**buy(19))
    assert code(ec2.purchase_reserved_instances_offering, **buy(2)) == "ReservedInstancesLimitExceeded"
    ec2.purchase_reserved_instances_offering(**buy(1))
    ec2.purchase_reserved_instances_offering(**buy(20, zone="us-east-1a"))
    assert code(ec2.purchase_reserved_instances_offering, **buy(1, zone="us-east-1a")) == (
        "ReservedInstancesLimitExceeded"
    )
    ec2.purchase_reserved_instances_offering(**buy(1, zone="us-east-1b"))
    cloud.advance(32 * DAY)
    ec2.purchase_reserved_instances_offering(**buy(20))


def test_a_queued_purchase_waits_for_its_time_and_can_be_given_up(cloud, ec2, offer, reserved):
    id = offer()["ReservedInstancesOfferingId"]
    later = now(cloud) + timedelta(days=40)

    def queue():
        made = ec2.purchase_reserved_instances_offering(
            ReservedInstancesOfferingId=id, InstanceCount=1, PurchaseTime=later
        )
        return made["ReservedInstancesId"]

    kept, given_up = queue(), queue()
    assert reserved(kept)["State"] == "queued"
    assert reserved(kept)["Start"] == later
    unknown = "00000000-0000-4000-a000-000000000000"
    answer = ec2.delete_queued_reserved_instances(ReservedInstancesIds=[given_up, unknown])
    assert answer["SuccessfulQueuedPurchaseDeletions"] == [{"ReservedInstancesId": given_up}]
    (failed,) = answer["FailedQueuedPurchaseDeletions"]
    assert (failed["ReservedInstancesId"], failed["Error"]["Code"]) == (unknown, "reserved-instances-id-invalid")
    cloud.advance(41 * DAY)
    assert (reserved(kept)["State"], reserved(given_up)["State"]) == ("active", "queued-deleted")
    (failed,) = ec2.delete_queued_reserved_instances(ReservedInstancesIds=[kept])["FailedQueuedPurchaseDeletions"]
    assert failed["Error"]["Code"] == "reserved-instances-not-in-queued-state"


def test_only_regional_ones_are_queued_for_at_most_three_years(cloud, ec2, offer):
    regional = {"ReservedInstancesOfferingId": offer()["ReservedInstancesOfferingId"], "InstanceCount": 1}
    zonal = {**regional, "ReservedInstancesOfferingId": offer(zone="us-east-1a")["ReservedInstancesOfferingId"]}
    day = timedelta(days=1)
    purchase = ec2.purchase_reserved_instances_offering
    assert code(purchase, **regional, PurchaseTime=now(cloud) - day) == "InvalidParameterValue"
    assert code(purchase, **regional, PurchaseTime=now(cloud) + 1_100 * day) == "InvalidParameterValue"
    assert code(purchase, **zonal, PurchaseTime=now(cloud) + day) == "InvalidParameterCombination"


def test_reserved_instances_have_tags(ec2, buy, reserved):
    id = buy()
    ec2.create_tags(Resources=[id], Tags=[{"Key": "team", "Value": "web"}])
    assert reserved(id)["Tags"] == [{"Key": "team", "Value": "web"}]
    found = ec2.describe_reserved_instances(Filters=[{"Name": "tag:team", "Values": ["web"]}])
    assert [one["ReservedInstancesId"] for one in found["ReservedInstances"]] == [id]
    (tag,) = ec2.describe_tags(Filters=[{"Name": "resource-type", "Values": ["reserved-instances"]}])["Tags"]
    assert tag["ResourceId"] == id


def test_one_that_is_not_there_is_an_error(ec2):
    assert code(ec2.describe_reserved_instances, ReservedInstancesIds=["x"]) == "InvalidReservedInstancesId"
    unknown = {"ReservedInstancesOfferingId": "00000000-0000-0000-0000-000000000000", "InstanceCount": 1}
    assert code(ec2.purchase_reserved_instances_offering, **unknown) == "InvalidReservedInstancesOfferingId"


def test_sizes_are_split_when_their_sum_stays(cloud, ec2, buy, reserved):
    id = buy(count=2, type="t3.large")
    cloud.advance(2 * DAY)
    wanted = [
        {"InstanceType": "t3.small", "InstanceCount": 4},
        {"InstanceType": "t3.medium", "InstanceCount": 2, "AvailabilityZone": "us-east-1b"},
    ]
    made = ec2.modify_reserved_instances(ReservedInstancesIds=[id], TargetConfigurations=wanted, ClientToken="a")
    again = ec2.modify_reserved_instances(ReservedInstancesIds=[id], TargetConfigurations=wanted, ClientToken="a")
    assert again["ReservedInstancesModificationId"] == made["ReservedInstancesModificationId"]
    (told,) = ec2.describe_reserved_instances_modifications()["ReservedInstancesModifications"]
    assert (told["Status"], told["ReservedInstancesIds"]) == ("fulfilled", [{"ReservedInstancesId": id}])
    small, medium = [reserved(result["ReservedInstancesId"]) for result in told["ModificationResults"]]
    assert (small["InstanceType"], small["Scope"], small["InstanceCount"]) == ("t3.small", "Region", 4)
    assert (medium["InstanceType"], medium["AvailabilityZone"]) == ("t3.medium", "us-east-1b")
    old = reserved(id)
    assert (old["State"], small["State"]) == ("retired", "active")
    assert old["End"] == small["Start"] == told["EffectiveDate"]
    assert small["End"] == old["Start"] + timedelta(days=365)


def test_several_are_merged_into_a_larger_one(ec2, buy, reserved):
    first, second = buy(count=2, type="t3.small"), buy(count=2, type="t3.small")
    wanted = [{"InstanceType": "t3.large", "InstanceCount": 1}]
    ec2.modify_reserved_instances(ReservedInstancesIds=[first, second], TargetConfigurations=wanted)
    active = ec2.describe_reserved_instances(Filters=[{"Name": "state", "Values": ["active"]}])["ReservedInstances"]
    assert [(one["InstanceType"], one["InstanceCount"]) for one in active] == [("t3.large", 1)]
    assert {reserved(first)["State"], reserved(second)["State"]} == {"retired"}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"InstanceType": "t3.medium", "InstanceCount": 1}, "InvalidParameterValue"),
        ({"InstanceType": "m5.large", "InstanceCount": 1}, "InvalidParameterValue"),
        ({"InstanceCount": 1}, "InvalidParameterValue"),
        ({"InstanceType": "t3.large"}, "MissingParameter"),
        ({"InstanceCount": 1, "Scope": "Availability Zone"}, "MissingParameter"),
        ({"InstanceCount": 1, "Platform": "EC2-Classic"}, "Unsupported"),
    ],
    ids=["less", "another family", "nothing new", "no count", "no zone", "classic"],
)
def test_what_a_modification_cannot_be(ec2, buy, target, expected):
    id = buy(type="t3.large")
    assert code(ec2.modify_reserved_instances, ReservedInstancesIds=[id], TargetConfigurations=[target]) == expected


def test_different_ones_are_not_modified_together(ec2, buy):
    ids = [buy(type="t3.large"), buy(type="t3.large", OfferingClass="convertible")]
    wanted = [{"InstanceType": "t3.xlarge", "InstanceCount": 1}]
    assert code(ec2.modify_reserved_instances, ReservedInstancesIds=ids, TargetConfigurations=wanted) == (
        "InvalidParameterValue"
    )


def test_the_marketplace_and_exchanges_are_refused(ec2, buy):
    with pytest.raises(ClientError) as error:
        ec2.get_reserved_instances_exchange_quote(ReservedInstanceIds=[buy()])
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_a_policy_may_allow_modifying_by_tag(ec2, buy, jo):
    mine, others = buy(type="t3.large"), buy(type="t3.large")
    ec2.create_tags(Resources=[mine], Tags=[{"Key": "team", "Value": "web"}])
    user = jo(allow("ec2:ModifyReservedInstances", "*", **{"aws:ResourceTag/team": "web"}))
    wanted = [{"InstanceType": "t3.medium", "InstanceCount": 2}]
    user.modify_reserved_instances(ReservedInstancesIds=[mine], TargetConfigurations=wanted)
    assert code(user.modify_reserved_instances, ReservedInstancesIds=[others], TargetConfigurations=wanted) == (
        "UnauthorizedOperation"
    )
