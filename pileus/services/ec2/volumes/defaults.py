"""Whether an account's new volumes are encrypted unasked, and under which key.

Source: Amazon EBS User Guide, "Enable Amazon EBS encryption by default"; EC2 API Reference,
"EnableEbsEncryptionByDefault" and its kin.
"""

from typing import Any

import msgspec

from pileus.base.errors import ApiError
from pileus.service import AccessDenied, Call

from ..service import Request, invalid, operation
from .encrypting import DEFAULT, defaults, described
from .records import Defaults

replace = msgspec.structs.replace


def _chosen(call: Call) -> Defaults:
    return defaults.get(call.tx, call.account, call.region) or Defaults()


def _change(call: Call, **changes: Any) -> None:
    defaults.put(call.tx, call.account, call.region, record=replace(_chosen(call), **changes))


@operation("GetEbsEncryptionByDefault")
def get_ebs_encryption_by_default(call: Call, request: Request) -> dict[str, Any]:
    return {"EbsEncryptionByDefault": _chosen(call).encrypted}


@operation("EnableEbsEncryptionByDefault")
def enable_ebs_encryption_by_default(call: Call, request: Request) -> dict[str, Any]:
    _change(call, encrypted=True)
    return {"EbsEncryptionByDefault": True}


@operation("DisableEbsEncryptionByDefault")
def disable_ebs_encryption_by_default(call: Call, request: Request) -> dict[str, Any]:
    _change(call, encrypted=False)
    return {"EbsEncryptionByDefault": False}


@operation("GetEbsDefaultKmsKeyId")
def get_ebs_default_kms_key_id(call: Call, request: Request) -> dict[str, Any]:
    return {"KmsKeyId": _chosen(call).key or DEFAULT}


@operation("ModifyEbsDefaultKmsKeyId")
def modify_ebs_default_kms_key_id(call: Call, request: Request) -> dict[str, Any]:
    try:
        arn = described(call, request["KmsKeyId"])["Arn"]
    except AccessDenied:
        raise
    except ApiError as error:
        raise invalid(f"The KMS key {request['KmsKeyId']} cannot be used: {error.message}") from error
    _change(call, key=arn)
    return {"KmsKeyId": arn}


@operation("ResetEbsDefaultKmsKeyId")
def reset_ebs_default_kms_key_id(call: Call, request: Request) -> dict[str, Any]:
    _change(call, key="")
    return {"KmsKeyId": DEFAULT}
