"""Requests that come through a VPC endpoint: its policy, and what policies may ask about the way they came."""

import copy
import json

import pytest
from botocore.exceptions import ClientError

from pileus.gateway.admin import Admin
from pileus.gateway.front import Front
from pileus.gateway.server import Server
from pileus.service.call import Vantage

ONLY_MINE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::mine*"]}],
}


@pytest.fixture
def through(shared_cloud):
    """A client of a service whose requests come in through an endpoint with this policy."""

    def open_endpoint(policy):
        async def listen():
            cloud = copy.copy(shared_cloud.app.cloud)
            cloud.vantage = Vantage("vpc-1", "vpce-1", lambda tx: json.dumps(policy) if policy else "")
            server = Server(Front(cloud, Admin(cloud), "test"))
            return await server.listen("127.0.0.1", 0), server

        port, server = shared_cloud.run(listen())
        opened.append(server)

        def client(service, **options):
            made = shared_cloud.client(service, **options)
            made.meta.events.register(
                "before-sign.*.*", lambda request, **_: setattr(request, "url", _moved(request.url, port))
            )
            return made

        return client

    opened = []
    yield open_endpoint
    for server in opened:
        shared_cloud.run(server.stop(0.0))


def _moved(url, port):
    head, _, path = url.partition("://")
    return f"{head}://127.0.0.1:{port}/{path.partition('/')[2]}"


@pytest.fixture(scope="module")
def buckets(shared_cloud):
    s3 = shared_cloud.client("s3")
    for name in ("mine-1", "theirs-1"):
        s3.create_bucket(Bucket=name)
    return s3


def test_only_what_the_endpoints_policy_allows_comes_through(through, buckets):
    s3 = through(ONLY_MINE)("s3")
    s3.put_object(Bucket="mine-1", Key="a", Body=b"a")
    with pytest.raises(ClientError, match="VPC endpoint policy") as refused:
        s3.put_object(Bucket="theirs-1", Key="a", Body=b"a")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert buckets.list_objects_v2(Bucket="theirs-1")["KeyCount"] == 0


def test_an_endpoint_with_the_open_policy_lets_everything_through(through, buckets):
    through(None)("s3").put_object(Bucket="theirs-1", Key="open", Body=b"a")


def test_an_endpoints_policy_gives_nothing(through, shared_cloud, buckets):
    iam = shared_cloud.client("iam")
    iam.create_user(UserName="eve")
    key = iam.create_access_key(UserName="eve")["AccessKey"]
    s3 = through(ONLY_MINE)("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    with pytest.raises(ClientError, match="identity-based policy"):
        s3.put_object(Bucket="mine-1", Key="b", Body=b"b")


def test_a_bucket_may_be_open_to_one_endpoint_only(through, shared_cloud, buckets):
    buckets.create_bucket(Bucket="mine-2")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::mine-2/*",
                "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}},
            }
        ],
    }
    buckets.put_bucket_policy(Bucket="mine-2", Policy=json.dumps(policy))
    with pytest.raises(ClientError, match="explicit deny"):
        buckets.put_object(Bucket="mine-2", Key="a", Body=b"a")
    through(None)("s3").put_object(Bucket="mine-2", Key="a", Body=b"a")
