"""Under which KMS key a volume or snapshot is encrypted, and what opens it.

A data key encrypts the bytes; KMS wraps it, bound to the id of the volume or snapshot it was made for. Whoever makes a
volume must be allowed to use the KMS key, and gives EC2 a grant for that data key, by which EC2 opens it later on its
own. A snapshot has its volume's data key, and a volume that of its snapshot, while the KMS key is the same.

Source: Amazon EBS User Guide, "Amazon EBS encryption", "How Amazon EBS encryption works", "Requirements for Amazon EBS
encryption", "Amazon EBS encryption examples" (which key is used when none is named).
"""

import copy
import logging
from typing import Any

from pileus.base.arns import parse
from pileus.base.errors import ApiError
from pileus.drivers import Unable
from pileus.service import Call, service_caller
from pileus.service.acting import Actor
from pileus.service.call import Cloud
from pileus.store import Table, Transaction

from ..acting import HOST
from ..service import Ec2Error
from .records import DataKey, Defaults, Snapshot

log = logging.getLogger("pileus.ec2")

DEFAULT = "alias/aws/ebs"
INACCESSIBLE = "Given key ID is not accessible"
LAUNCH_FAILED = "Client.InvalidKMSKey.InvalidState"
_GRANTED = ["Decrypt", "DescribeKey"]
defaults: Table[Defaults] = Table("ec2.ebs.defaults", Defaults)  # account, region


class Inaccessible(Unable):
    """The KMS key is disabled, gone, or does not let EC2 use it any more."""


def key_for(call: Call, encrypted: bool | None, key: str, source: Snapshot | None) -> str:
    """The KMS key that a new volume or a copy is to be under, as it is named; '' for none.

    Raises InvalidParameterDependency.
    """
    chosen = defaults.get(call.tx, call.account, call.region) or Defaults()
    if key and not encrypted:
        raise Ec2Error(
            "InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set."
        )
    if key:
        return key
    if source is not None and source.encrypted and source.account == call.account and source.region == call.region:
        return source.key
    wanted = encrypted or chosen.encrypted or (source is not None and source.encrypted)
    return (chosen.key or DEFAULT) if wanted else ""


def described(call: Call, key: str) -> dict[str, Any]:
    """A key that volumes may be under. As the caller; raises KMS's errors."""
    found: dict[str, Any] = _as_ec2(call).invoke("kms", "DescribeKey", {"KeyId": key})["KeyMetadata"]
    if found["KeySpec"] != "SYMMETRIC_DEFAULT" or found["KeyState"] != "Enabled":
        raise Ec2Error("InvalidKMSKey.InvalidState", "The KMS key provided is in an incorrect state")
    return found


def data_key(call: Call, key: str, owner: str, source: DataKey | None = None) -> DataKey:
    """For a new volume or snapshot, `owner`: the source's own where that is under the same KMS key, else a new one.

    As the caller, who must be allowed to open the source too. Raises KMS's errors.
    """
    metadata = described(call, key)
    if source is not None:
        opened(call, source)
        if source.key == metadata["Arn"]:
            _grant(call, source)
            return source
    request = {"KeyId": metadata["Arn"], "KeySpec": "AES_256", "EncryptionContext": {"aws:ebs:id": owner}}
    made = _as_ec2(call).invoke("kms", "GenerateDataKeyWithoutPlaintext", request)
    found = DataKey(metadata["Arn"], made["CiphertextBlob"], owner, metadata["KeyManager"] == "AWS")
    _grant(call, found)
    return found


def data_key_or_none(call: Call, key: str, owner: str, source: DataKey | None) -> DataKey | None:
    """None when it cannot be had: EC2 finds that out only after it has answered, and says so by the state `error`."""
    try:
        return data_key(call, key, owner, source)
    except ApiError as error:
        log.warning("%s cannot be encrypted under %s: %s", owner, key, error.message)
        return None


def opened(call: Call, key: DataKey) -> bytes:
    """As the caller. Raises KMS's errors."""
    answer = _as_ec2(call, parse(key.key).region).invoke("kms", "Decrypt", _decrypt(key))
    return bytes(answer["Plaintext"])


def may_use(call: Call, key: DataKey | None) -> None:
    """Whoever attaches a volume or starts a machine with it gives EC2 the grant anew.

    Raises CustomerKeyHasBeenRevoked, and UnauthorizedOperation.
    """
    if key is not None:
        try:
            _grant(call, key)
        except ApiError as error:
            raise Ec2Error("CustomerKeyHasBeenRevoked", f"The KMS key cannot be accessed: {error.message}") from error


def _grant(call: Call, key: DataKey) -> None:
    grant = {
        "KeyId": key.key,
        "GranteePrincipal": HOST,
        "RetiringPrincipal": HOST,
        "Operations": _GRANTED,
        "Constraints": {"EncryptionContextSubset": {"aws:ebs:id": key.owner}},
        "Name": f"ebs-{key.owner}",
    }
    _as_ec2(call, parse(key.key).region).invoke("kms", "CreateGrant", grant)


def _decrypt(key: DataKey) -> dict[str, Any]:
    return {"CiphertextBlob": key.wrapped, "KeyId": key.key, "EncryptionContext": {"aws:ebs:id": key.owner}}


def _as_ec2(call: Call, region: str = "") -> Call:
    """The same caller's, through EC2 whichever of its APIs was called, in the region of the key."""
    through = copy.copy(call)
    through.operation, through.region = call.cloud.service("ec2").operations["CreateVolume"], region or call.region
    return through


async def key_of(cloud: Cloud, key: DataKey | None) -> bytes:
    """What opens it, for EC2's own work in the background; b'' for what is plain. Raises Inaccessible."""
    if key is None:
        return b""
    lock = key

    def work(tx: Transaction) -> bytes:
        actor = Actor(cloud, service_caller(HOST), parse(lock.key).region)
        return bytes(actor.call(tx, "ec2", "CreateVolume").invoke("kms", "Decrypt", _decrypt(lock))["Plaintext"])

    try:
        return await cloud.store.transact(work)
    except ApiError as error:
        log.warning("the data key of %s cannot be opened: %s", lock.owner, error.message)
        raise Inaccessible(INACCESSIBLE) from error
