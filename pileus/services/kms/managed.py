"""AWS managed keys: `alias/aws/s3` and its kind, made in an account when a service first needs one there.

Nobody but the service uses them, for whoever may use the service; nobody may change them, for their policy allows it to
nobody. Source: AWS KMS Developer Guide, "AWS managed keys"; AWS KMS API Reference, "DescribeKey" (which makes them
too).
"""

import json

from pileus.base import ids
from pileus.base.arns import arn, partition_of
from pileus.service import Call

from .material import new_material
from .tables import AWS, Alias, Key, aliases, keys

ROTATION_DAYS = 365
DAY = 86_400.0

# alias -> the service it belongs to (its host's name), the words of its policy and description
SERVICES = {
    "alias/aws/acm": ("acm", "ACM", "protects my ACM private keys when no other key is defined"),
    "alias/aws/backup": ("backup", "Backup", "protects my Backup vaults when no other key is defined"),
    "alias/aws/dynamodb": ("dynamodb", "Amazon DynamoDB", "protects my DynamoDB data when no other key is defined"),
    "alias/aws/ebs": ("ec2", "EBS", "protects my EBS volumes when no other key is defined"),
    "alias/aws/elasticfilesystem": (
        "elasticfilesystem",
        "EFS",
        "protects my EFS filesystems when no other key is defined",
    ),
    "alias/aws/glacier": ("glacier", "Glacier", "protects my Glacier data when no other key is defined"),
    "alias/aws/kinesis": ("kinesis", "Kinesis", "protects my Kinesis data when no other key is defined"),
    "alias/aws/lambda": ("lambda", "AWS Lambda", "protects my Lambda functions when no other key is defined"),
    "alias/aws/rds": ("rds", "RDS", "protects my RDS database volumes when no other key is defined"),
    "alias/aws/s3": ("s3", "S3", "protects my S3 objects when no other key is defined"),
    "alias/aws/secretsmanager": (
        "secretsmanager",
        "AWS Secrets Manager",
        "protects my Secrets Manager data when no other key is defined",
    ),
    "alias/aws/sns": ("sns", "SNS", "protects my SNS data when no other key is defined"),
    "alias/aws/sqs": ("sqs", "SQS", "protects my SQS messages when no other key is defined"),
    "alias/aws/ssm": ("ssm", "SSM", "protects my SSM parameters when no other key is defined"),
}


def on_first_use(call: Call, account: str, name: str) -> Key | None:
    """The managed key behind an alias, made now; None when the alias is none of AWS's, or it is not its service that
    asks."""
    service = SERVICES.get(name)
    if service is None or not account or account != call.account:
        return None
    if call.operation.name != "DescribeKey" and (
        not call.via or call.cloud.service(call.via[-1]).api.signing_name != service[0]
    ):
        return None
    unique = ids.secret_uuid()
    own = arn("kms", call.region, account, f"key/{unique}")
    material, _ = new_material(call.cloud.keyring, own, "SYMMETRIC_DEFAULT", call.now)
    key = Key(
        account,
        call.region,
        unique,
        own,
        call.now,
        [material],
        _policy(call, account, *service[:2], name),
        description=f"Default key that {service[2]}",
        manager=AWS,
        rotation_days=ROTATION_DAYS,
        rotation_due=call.now + ROTATION_DAYS * DAY,
        aliases=[name],
    )
    keys.put(call.tx, account, call.region, unique, record=key)
    aliases.put(call.tx, account, call.region, name, record=Alias(name, unique, call.now, call.now))
    return key


def _policy(call: Call, account: str, host: str, title: str, alias: str) -> str:
    use = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"]
    everyone = "for all principals in the account that are authorized to use"
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Id": f"auto-{alias.rpartition('/')[2]}-1",
            "Statement": [
                {
                    "Sid": f"Allow access through {title} {everyone} {title}",
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": use,
                    "Resource": "*",
                    "Condition": {
                        "StringEquals": {
                            "kms:CallerAccount": account,
                            "kms:ViaService": f"{host}.{call.region}.amazonaws.com",
                        }
                    },
                },
                {
                    "Sid": "Allow direct access to key metadata to the account",
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:{partition_of(call.region)}:iam::{account}:root"},
                    "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
                    "Resource": "*",
                },
            ],
        }
    )
