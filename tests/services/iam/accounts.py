"""An account of its own for a test, with users, roles and sessions; and policy documents in few words."""

import itertools
import json
from typing import Any

_accounts = itertools.count(200_000_000_001)


class Account:
    """Clients of one account: of its root, of users made here, of sessions."""

    __test__ = False

    def __init__(self, cloud: Any):
        self.cloud, self.id = cloud, str(next(_accounts))

    def root(self, service: str = "iam", **options: Any) -> Any:
        return self.cloud.client(service, self.id, **options)

    def user(self, name: str, *statements: dict[str, Any]) -> dict[str, str]:
        """A new user with an inline policy of these statements; its access key."""
        iam = self.root()
        iam.create_user(UserName=name)
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}

    def session(self, credentials: dict[str, Any], service: str) -> Any:
        return self.cloud.client(
            service, credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
        )

    def role(self, name: str, trusted: Any, *statements: dict[str, Any], **options: Any) -> str:
        """A new role; its ARN."""
        iam = self.root()
        trust = trusted if isinstance(trusted, str) else trusts(trusted)
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **options)["Role"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
        return str(made["Arn"])


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def trusts(principal: Any, action: Any = "sts:AssumeRole", **more: Any) -> str:
    return document({"Effect": "Allow", "Principal": principal, "Action": action, **more})
