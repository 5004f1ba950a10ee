"""Finding instances: filters, pages, states of health, the console."""

from pileus.services.ec2.instances import running
from tests.services.ec2.vpc.refusing import refused


def found(ec2, name, *values):
    answer = ec2.describe_instances(Filters=[{"Name": name, "Values": list(values)}])
    return {one["InstanceId"] for reservation in answer["Reservations"] for one in reservation["Instances"]}


def test_filters_find_what_they_describe(cloud, ec2, launch):
    ec2.create_key_pair(KeyName="door")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web-1"}]}]
    one = launch(KeyName="door", TagSpecifications=tags, Placement={"AvailabilityZone": "us-east-1a"})
    other = launch(InstanceType="t3.small", Placement={"AvailabilityZone": "us-east-1b"})
    ec2.stop_instances(InstanceIds=[other["InstanceId"]])
    cloud.settle()
    interface = one["NetworkInterfaces"][0]
    ours = {
        "instance-id": one["InstanceId"],
        "instance-type": "t3.micro",
        "instance-state-name": "running",
        "instance-state-code": "16",
        "availability-zone": "us-east-1a",
        "key-name": "door",
        "tag:Name": "web-*",
        "tag-key": "Name",
        "tag-value": "web-?",
        "private-ip-address": one["PrivateIpAddress"],
        "ip-address": one["PublicIpAddress"],
        "private-dns-name": one["PrivateDnsName"],
        "dns-name": one["PublicDnsName"],
        "subnet-id": one["SubnetId"],
        "reservation-id": ec2.describe_instances(InstanceIds=[one["InstanceId"]])["Reservations"][0]["ReservationId"],
        "block-device-mapping.volume-id": one["BlockDeviceMappings"][0]["Ebs"]["VolumeId"],
        "block-device-mapping.status": "attached",
        "network-interface.network-interface-id": interface["NetworkInterfaceId"],
        "network-interface.mac-address": interface["MacAddress"],
        "network-interface.addresses.private-ip-address": one["PrivateIpAddress"],
        "network-interface.association.public-ip": one["PublicIpAddress"],
        "network-interface.attachment.attachment-id": interface["Attachment"]["AttachmentId"],
        "launch-time": one["LaunchTime"].strftime("%Y-%m-%dT%H:*"),
        "metadata-options.http-endpoint": "enabled",
    }
    both = {"launch-time", "metadata-options.http-endpoint", "block-device-mapping.status"}
    for name, value in ours.items():
        expected = {one["InstanceId"], other["InstanceId"]} if name in both else {one["InstanceId"]}
        assert found(ec2, name, value) == expected, name
    assert found(ec2, "instance-state-name", "running", "stopped") == {one["InstanceId"], other["InstanceId"]}
    assert found(ec2, "instance.group-name", "default") == {one["InstanceId"], other["InstanceId"]}
    assert found(ec2, "vpc-id", "vpc-0123456789abcdef0") == set()
    with refused("InvalidParameterValue", "The filter 'nonsense' is invalid"):
        found(ec2, "nonsense", "x")


def test_pages_hold_every_instance_once(cloud, ec2, image):
    for _ in range(3):
        ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=4, MaxCount=4)
    pages, token = [], None
    while True:
        page = ec2.describe_instances(MaxResults=5, **({"NextToken": token} if token else {}))
        pages.append([one["InstanceId"] for reservation in page["Reservations"] for one in reservation["Instances"]])
        token = page.get("NextToken")
        if not token:
            break
    assert [len(page) for page in pages] == [5, 5, 2]
    assert len({id for page in pages for id in page}) == 12
    with refused("InvalidParameterValue"):
        ec2.describe_instances(MaxResults=4)
    with refused("InvalidParameterValue"):
        ec2.describe_instances(NextToken="nonsense")
    with refused("InvalidParameterCombination"):
        ec2.describe_instances(MaxResults=5, InstanceIds=pages[0][:1])


def test_regions_and_accounts_do_not_see_each_other(cloud, ec2, other, launch):
    id = launch()["InstanceId"]
    assert other.describe_instances()["Reservations"] == []
    assert cloud.client("ec2", region_name="eu-west-1").describe_instances()["Reservations"] == []
    with refused("InvalidInstanceID.NotFound"):
        other.terminate_instances(InstanceIds=[id])


def status(ec2, id, **more):
    [one] = ec2.describe_instance_status(InstanceIds=[id], **more)["InstanceStatuses"]
    return one["InstanceStatus"]["Status"], one["SystemStatus"]["Status"]


def test_status_checks_begin_pass_and_notice_a_guest_that_hangs(cloud, ec2, launch, monkeypatch):
    monkeypatch.setattr(running, "FIRST_CHECK_SECONDS", 60.0)  # however slow this test is
    id = launch()["InstanceId"]
    assert status(ec2, id) == ("initializing", "initializing")
    cloud.advance(61)
    assert status(ec2, id) == ("ok", "ok")
    cloud.drivers.machines.pause(id)
    cloud.advance(61)
    assert status(ec2, id) == ("impaired", "ok")
    [one] = ec2.describe_instance_status(Filters=[{"Name": "instance-status.reachability", "Values": ["failed"]}])[
        "InstanceStatuses"
    ]
    assert one["InstanceStatus"]["Details"][0]["ImpairedSince"]
    cloud.drivers.machines.resume(id)
    cloud.advance(61)
    assert status(ec2, id) == ("ok", "ok")
    ec2.stop_instances(InstanceIds=[id])
    cloud.settle()
    assert ec2.describe_instance_status(InstanceIds=[id])["InstanceStatuses"] == []
    assert status(ec2, id, IncludeAllInstances=True) == ("not-applicable", "not-applicable")


def test_the_console_is_read_even_after_the_end(cloud, ec2, launch):
    id = launch()["InstanceId"]
    text = ec2.get_console_output(InstanceId=id)["Output"]
    assert "login:" in text
    ec2.stop_instances(InstanceIds=[id])
    cloud.settle()
    assert "login:" in ec2.get_console_output(InstanceId=id, Latest=True)["Output"]
    assert ec2.get_password_data(InstanceId=id)["PasswordData"] == ""


def test_credits_are_those_of_burstable_types(cloud, ec2, launch):
    standard = launch(InstanceType="t2.micro")["InstanceId"]
    unlimited = launch()["InstanceId"]  # what t3 has by default
    fixed = launch(InstanceType="m5.large")["InstanceId"]
    asked = ec2.describe_instance_credit_specifications(InstanceIds=[standard])["InstanceCreditSpecifications"]
    assert asked == [{"InstanceId": standard, "CpuCredits": "standard"}]
    # Without ids, the unlimited ones.
    every = ec2.describe_instance_credit_specifications()["InstanceCreditSpecifications"]
    assert [one["InstanceId"] for one in every] == [unlimited]
    (plain,) = ec2.describe_instance_credit_specifications(InstanceIds=[fixed])["InstanceCreditSpecifications"]
    assert plain["CpuCredits"] == "standard"


def test_types_and_where_they_are_offered(ec2):
    [micro] = ec2.describe_instance_types(InstanceTypes=["t3.micro"])["InstanceTypes"]
    assert (micro["VCpuInfo"]["DefaultVCpus"], micro["MemoryInfo"]["SizeInMiB"]) == (2, 1024)
    arm = ec2.describe_instance_types(Filters=[{"Name": "processor-info.supported-architecture", "Values": ["arm64"]}])
    assert "t4g.micro" in {one["InstanceType"] for one in arm["InstanceTypes"]}
    offers = ec2.describe_instance_type_offerings(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": ["t3.micro"]}]
    )["InstanceTypeOfferings"]
    assert "us-east-1a" in {one["Location"] for one in offers}
    with refused("InvalidInstanceType"):
        ec2.describe_instance_types(InstanceTypes=["t9.huge"])
