"""X.509 signing certificates of users: kept and listed. No API takes requests signed with one, here or at AWS today."""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.identity.certificates import SigningCertificate, Unreadable, expiry_of, signing_certificates
from pileus.identity.people import User
from pileus.service import Call

from . import targets
from .entities import becomes_active, own_name, user_named
from .listing import page_of
from .service import (
    DuplicateCertificate,
    LimitExceeded,
    MalformedCertificate,
    NoSuchEntity,
    Request,
    ValidationError,
    iam,
)

CERTIFICATES_MAX = 2


def _user(call: Call, request: Request) -> User:
    name = own_name(call, request)
    if not name:
        raise ValidationError("The root user has no signing certificates here: name a user.")
    return user_named(call, name)


def _of(call: Call, user: User) -> list[SigningCertificate]:
    return [one for _, one in signing_certificates.scan(call.tx, call.account, user.id)]


def _show(user: User, one: SigningCertificate) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "CertificateId": one.id,
        "CertificateBody": one.body,
        "Status": "Active" if one.active else "Inactive",
        "UploadDate": one.uploaded,
    }


def _find(call: Call, user: User, request: Request) -> SigningCertificate:
    found = signing_certificates.get(call.tx, call.account, user.id, request["CertificateId"])
    if found is None:
        raise NoSuchEntity(f"The Certificate with id {request['CertificateId']} cannot be found.")
    return found


@iam.operation("UploadSigningCertificate", resource=targets.the_user, context=targets.of_user)
def upload_signing_certificate(call: Call, request: Request) -> dict[str, Any]:
    user, body = _user(call, request), request["CertificateBody"]
    try:
        expiry_of(body)
    except Unreadable as wrong:
        raise MalformedCertificate(f"Certificate body is invalid: {wrong}.") from wrong
    present = _of(call, user)
    if any(one.body.strip() == body.strip() for one in present):
        raise DuplicateCertificate(f"The certificate is already associated with user {user.name}.")
    if len(present) >= CERTIFICATES_MAX:
        raise LimitExceeded(f"Cannot exceed quota for CertificatesPerUser: {CERTIFICATES_MAX}")
    one = SigningCertificate(ids.access_key_id("") + ids.access_key_id("")[:4], body, float(int(call.now)))
    signing_certificates.put(call.tx, call.account, user.id, one.id, record=one)
    return {"Certificate": _show(user, one)}


@iam.operation("ListSigningCertificates", resource=targets.the_user, context=targets.of_user)
def list_signing_certificates(call: Call, request: Request) -> dict[str, Any]:
    user = _user(call, request)
    named = [(one.id, one) for one in _of(call, user)]
    return page_of(call, request, "Certificates", named, lambda one: _show(user, one))


@iam.operation("UpdateSigningCertificate", resource=targets.the_user, context=targets.of_user)
def update_signing_certificate(call: Call, request: Request) -> None:
    user = _user(call, request)
    changed = msgspec.structs.replace(_find(call, user, request), active=becomes_active(request))
    signing_certificates.put(call.tx, call.account, user.id, changed.id, record=changed)


@iam.operation("DeleteSigningCertificate", resource=targets.the_user, context=targets.of_user)
def delete_signing_certificate(call: Call, request: Request) -> None:
    user = _user(call, request)
    signing_certificates.delete(call.tx, call.account, user.id, _find(call, user, request).id)
