"""Server certificates: kept for the load balancers and distributions that serve with them.

Source: IAM API Reference, "UploadServerCertificate".
"""

from typing import Any

import msgspec

from pileus.base import ids
from pileus.identity.certificates import ServerCertificate, Unreadable, expiry_of, key_fits, server_certificates
from pileus.service import Call
from pileus.store import Transaction

from . import targets
from .listing import page, table_rows, under
from .service import (
    EntityAlreadyExists,
    KeyPairMismatch,
    LimitExceeded,
    MalformedCertificate,
    NoSuchEntity,
    Request,
    iam,
)
from .tags import given_tags, show_tags, tag_operations

CERTIFICATES_MAX = 20


def _keep(tx: Transaction, certificate: ServerCertificate) -> None:
    server_certificates.put(tx, certificate.account, certificate.name.lower(), record=certificate)


def _find(call: Call, request: Request) -> ServerCertificate:
    name = request["ServerCertificateName"]
    found = server_certificates.get(call.tx, call.account, name.lower())
    if found is None:
        raise NoSuchEntity(f"The Server Certificate with name {name} cannot be found.")
    return found


def _show(certificate: ServerCertificate) -> dict[str, Any]:
    return {
        "Path": certificate.path,
        "ServerCertificateName": certificate.name,
        "ServerCertificateId": certificate.id,
        "Arn": certificate.arn,
        "UploadDate": certificate.uploaded,
        "Expiration": certificate.expires,
    }


def _check(request: Request) -> float:
    """When the certificate ends. Raises MalformedCertificate and KeyPairMismatch."""
    try:
        expires = expiry_of(request["CertificateBody"])
        if not key_fits(request["CertificateBody"], request["PrivateKey"]):
            raise KeyPairMismatch("Public key certificate and private key doesn't match.")
        if "CertificateChain" in request:
            expiry_of(request["CertificateChain"])
    except Unreadable as wrong:
        raise MalformedCertificate(f"Unable to parse certificate: {wrong}.") from wrong
    return expires


@iam.operation("UploadServerCertificate", resource=targets.created("server-certificate", "ServerCertificateName"))
def upload_server_certificate(call: Call, request: Request) -> dict[str, Any]:
    name = request["ServerCertificateName"]
    if server_certificates.get(call.tx, call.account, name.lower()) is not None:
        raise EntityAlreadyExists(f"The Server Certificate with name {name} already exists.")
    if server_certificates.count(call.tx, call.account, CERTIFICATES_MAX) >= CERTIFICATES_MAX:
        raise LimitExceeded(f"Cannot exceed quota for ServerCertificatesPerAccount: {CERTIFICATES_MAX}")
    certificate = ServerCertificate(
        call.account,
        name,
        ids.iam_id("ASCA"),
        float(int(call.now)),
        _check(request),
        request["CertificateBody"],
        request["PrivateKey"],
        request.get("CertificateChain", ""),
        request.get("Path", "/"),
        call.partition,
        given_tags(call, request, "ServerCertificate"),
    )
    _keep(call.tx, certificate)
    answer: dict[str, Any] = {"ServerCertificateMetadata": _show(certificate)}
    if certificate.tags:
        answer["Tags"] = show_tags(certificate.tags)
    return answer


@iam.operation("GetServerCertificate", resource=targets.the_certificate, context=targets.of_certificate)
def get_server_certificate(call: Call, request: Request) -> dict[str, Any]:
    found = _find(call, request)
    shown: dict[str, Any] = {"ServerCertificateMetadata": _show(found), "CertificateBody": found.body}
    if found.chain:
        shown["CertificateChain"] = found.chain
    if found.tags:
        shown["Tags"] = show_tags(found.tags)
    return {"ServerCertificate": shown}


@iam.operation("ListServerCertificates", resource=targets.listed("server-certificate"))
def list_server_certificates(call: Call, request: Request) -> dict[str, Any]:
    rows = table_rows(server_certificates, call)
    return page(call, request, "ServerCertificateMetadataList", rows, _show, under(request))


@iam.operation(
    "UpdateServerCertificate",
    resource=targets.renamed(targets.the_certificate, "server-certificate", "NewServerCertificateName"),
    context=targets.of_certificate,
)
def update_server_certificate(call: Call, request: Request) -> None:
    found = _find(call, request)
    name = request.get("NewServerCertificateName", found.name)
    taken = server_certificates.get(call.tx, call.account, name.lower())
    if taken is not None and taken.id != found.id:
        raise EntityAlreadyExists(f"The Server Certificate with name {name} already exists.")
    server_certificates.delete(call.tx, call.account, found.name.lower())
    _keep(call.tx, msgspec.structs.replace(found, name=name, path=request.get("NewPath", found.path)))


@iam.operation("DeleteServerCertificate", resource=targets.the_certificate, context=targets.of_certificate)
def delete_server_certificate(call: Call, request: Request) -> None:
    server_certificates.delete(call.tx, call.account, _find(call, request).name.lower())


tag_operations("ServerCertificate", _find, _keep, targets.the_certificate, targets.of_certificate)
