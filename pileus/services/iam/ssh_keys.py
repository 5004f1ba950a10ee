"""SSH public keys of users, as AWS CodeCommit takes them.

Source: IAM API Reference, "UploadSSHPublicKey", "GetSSHPublicKey".
"""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.identity.certificates import SshKey, Unreadable, read_ssh_key, ssh_keys
from pileus.identity.people import User
from pileus.service import Call

from . import targets
from .entities import becomes_active, own_name, user_named
from .listing import page_of
from .service import DuplicateSshKey, InvalidPublicKey, LimitExceeded, NoSuchEntity, Request, ValidationError, iam

KEYS_MAX = 5


def _user(call: Call, request: Request) -> User:
    name = own_name(call, request)
    if not name:
        raise ValidationError("The root user has no SSH public keys: name a user.")
    return user_named(call, name)


def _of(call: Call, user: User) -> list[SshKey]:
    return [key for _, key in ssh_keys.scan(call.tx, call.account, user.id)]


def _brief(user: User, key: SshKey) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "SSHPublicKeyId": key.id,
        "Status": "Active" if key.active else "Inactive",
        "UploadDate": key.uploaded,
    }


def _show(user: User, key: SshKey, encoding: str = "SSH") -> dict[str, Any]:
    body = key.pem if encoding == "PEM" else key.body
    return {"SSHPublicKey": {**_brief(user, key), "Fingerprint": key.fingerprint, "SSHPublicKeyBody": body}}


def _find(call: Call, user: User, request: Request) -> SshKey:
    found = ssh_keys.get(call.tx, call.account, user.id, request["SSHPublicKeyId"])
    if found is None:
        raise NoSuchEntity(f"The Public Key with id {request['SSHPublicKeyId']} cannot be found.")
    return found


@iam.operation("UploadSSHPublicKey", resource=targets.the_user, context=targets.of_user)
def upload_ssh_public_key(call: Call, request: Request) -> dict[str, Any]:
    user = _user(call, request)
    try:
        line, pem, fingerprint = read_ssh_key(request["SSHPublicKeyBody"])
    except Unreadable as wrong:
        raise InvalidPublicKey(f"The public key is not valid: {wrong}.") from wrong
    present = _of(call, user)
    if any(key.fingerprint == fingerprint for key in present):
        raise DuplicateSshKey(f"The SSH public key is already associated with user {user.name}.")
    if len(present) >= KEYS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for SSHPublicKeysPerUser: {KEYS_MAX}")
    key = SshKey(ids.iam_id("APKA"), line, pem, fingerprint, float(int(call.now)))
    ssh_keys.put(call.tx, call.account, user.id, key.id, record=key)
    return _show(user, key)


@iam.operation("GetSSHPublicKey", resource=targets.the_user, context=targets.of_user)
def get_ssh_public_key(call: Call, request: Request) -> dict[str, Any]:
    user = _user(call, request)
    return _show(user, _find(call, user, request), request["Encoding"])


@iam.operation("ListSSHPublicKeys", resource=targets.the_user, context=targets.of_user)
def list_ssh_public_keys(call: Call, request: Request) -> dict[str, Any]:
    user = _user(call, request)
    named = [(key.id, key) for key in _of(call, user)]
    return page_of(call, request, "SSHPublicKeys", named, lambda key: _brief(user, key))


@iam.operation("UpdateSSHPublicKey", resource=targets.the_user, context=targets.of_user)
def update_ssh_public_key(call: Call, request: Request) -> None:
    user = _user(call, request)
    changed = msgspec.structs.replace(_find(call, user, request), active=becomes_active(request))
    ssh_keys.put(call.tx, call.account, user.id, changed.id, record=changed)


@iam.operation("DeleteSSHPublicKey", resource=targets.the_user, context=targets.of_user)
def delete_ssh_public_key(call: Call, request: Request) -> None:
    user = _user(call, request)
    ssh_keys.delete(call.tx, call.account, user.id, _find(call, user, request).id)
