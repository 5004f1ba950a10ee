"""What the tests of KMS ask again and again."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"
OTHER = "111111111111"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def refused(work: Callable[..., Any], *args: Any, **options: Any) -> tuple[str, str]:
    """The code and message of the error it is refused with."""
    with pytest.raises(ClientError) as caught:
        work(*args, **options)
    error = caught.value.response["Error"]
    return error["Code"], error.get("Message", "")


def make(kms: Any, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = kms.create_key(**options)["KeyMetadata"]
    return found


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal: str, actions: str | list[str] = "kms:*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions, "Resource": "*", **more}


OWNERS = allow(ROOT)


def signing(cloud: Any, name: str, *statements: dict[str, Any], key: str = "test") -> tuple[str, str, str]:
    """A user with an inline policy: an access key, its secret, and the user's ARN."""
    iam = cloud.client("iam", key)
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(*statements))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"], arn


def user(cloud: Any, name: str, *statements: dict[str, Any], key: str = "test") -> tuple[Any, str]:
    """A KMS client that signs as such a user, and the user's ARN."""
    access, secret, arn = signing(cloud, name, *statements, key=key)
    return cloud.client("kms", access, secret), arn


def may(actions: str | list[str], resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}
