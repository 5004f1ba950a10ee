"""How the tests of S3's access rules ask: callers of several accounts, policies in short."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.conftest import TestCloud

OWNER, OTHER, THIRD = "000000000000", "111111111111", "222222222222"


def error_of(call: Any, **request: Any) -> dict[str, Any]:
    """The error that a call must raise, with its status."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    response = caught.value.response
    return {**response["Error"], "Status": response["ResponseMetadata"]["HTTPStatusCode"]}


def refused(call: Any, **request: Any) -> str:
    """The code of the error that a call must raise."""
    return str(error_of(call, **request)["Code"])


def denied(call: Any, **request: Any) -> bool:
    """True when the call is denied; whatever else goes wrong is raised."""
    try:
        call(**request)
    except ClientError as error:
        response = error.response
        if response["ResponseMetadata"]["HTTPStatusCode"] != 403:
            raise
        return True
    return False


def statement(principal: Any, action: Any, *resources: str, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    arns = [f"arn:aws:s3:::{name}" for name in resources]
    who = {"AWS": principal} if isinstance(principal, str) and principal != "*" else principal
    return {"Effect": effect, "Principal": who, "Action": action, "Resource": arns, **more}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def make(s3: Any, bucket: str, open_to_public: bool = False, ownership: str | None = None, **more: Any) -> str:
    if ownership is not None:
        more["ObjectOwnership"] = ownership
    s3.create_bucket(Bucket=bucket, **more)
    if open_to_public:
        s3.delete_public_access_block(Bucket=bucket)
    return bucket


def user(cloud: TestCloud, name: str, *statements: dict[str, Any], account: str = "test") -> Any:
    """An S3 client of a user who may do what the statements say."""
    iam = cloud.client("iam", key=account)
    iam.create_user(UserName=name)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])


def may(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def canonical(s3: Any) -> str:
    return str(s3.list_buckets()["Owner"]["ID"])


def presigned(cloud: TestCloud, operation: str, account: str = OWNER, **request: Any) -> str:
    client = cloud.client("s3", key=account, config=Config(signature_version="s3v4"))
    return str(client.generate_presigned_url(operation, Params=request))


def presigned_with(cloud: TestCloud, method: str, path: str, account: str, **query: str) -> str:
    """A URL with further parameters in its signed query, as SDKs of other languages make them."""
    asked = AWSRequest(method, f"{cloud.endpoint}/{path}", params=query)
    S3SigV4QueryAuth(Credentials(account, "test"), "s3", "us-east-1", expires=60).add_auth(asked)
    return str(asked.prepare().url)


def plain(
    cloud: TestCloud, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, bytes]:
    """An unsigned request: (status, body)."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return fetch(f"{cloud.endpoint}/{path}", method, body, named)


def fetch(
    url: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
