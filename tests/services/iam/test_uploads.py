"""Server certificates, signing certificates and SSH public keys."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

KEY = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)


def pem(key):
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


def certificate(serial=1):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.com")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    made = made.serial_number(serial).not_valid_before(now).not_valid_after(now + timedelta(days=30))
    return made.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def test_a_server_certificate_must_fit_its_key(account, iam):
    body = certificate()
    ask = {"ServerCertificateName": "web", "CertificateBody": body, "Path": "/cloudfront/"}
    with pytest.raises(ClientError, match=r"KeyPairMismatch"):
        iam.upload_server_certificate(**ask, PrivateKey=pem(OTHER))
    with pytest.raises(ClientError, match=r"MalformedCertificate"):
        iam.upload_server_certificate(**{**ask, "CertificateBody": "none"}, PrivateKey=pem(KEY))
    made = iam.upload_server_certificate(**ask, PrivateKey=pem(KEY))["ServerCertificateMetadata"]
    assert made["Arn"] == f"arn:aws:iam::{account.id}:server-certificate/cloudfront/web"
    assert made["Expiration"] > datetime.now(UTC) + timedelta(days=29)
    assert iam.get_server_certificate(ServerCertificateName="web")["ServerCertificate"]["CertificateBody"] == body
    iam.update_server_certificate(ServerCertificateName="web", NewServerCertificateName="www")
    iam.tag_server_certificate(ServerCertificateName="www", Tags=[{"Key": "k", "Value": "v"}])
    assert iam.list_server_certificate_tags(ServerCertificateName="www")["Tags"] == [{"Key": "k", "Value": "v"}]
    assert [
        one["ServerCertificateName"] for one in iam.list_server_certificates()["ServerCertificateMetadataList"]
    ] == ["www"]
    iam.delete_server_certificate(ServerCertificateName="www")
    with pytest.raises(ClientError, match=r"NoSuchEntity"):
        iam.get_server_certificate(ServerCertificateName="www")


def test_a_user_has_two_signing_certificates_at_most(iam):
    iam.create_user(UserName="bob")
    first = iam.upload_signing_certificate(UserName="bob", CertificateBody=certificate(1))["Certificate"]
    with pytest.raises(ClientError, match=r"DuplicateCertificate"):
        iam.upload_signing_certificate(UserName="bob", CertificateBody=first["CertificateBody"])
    iam.upload_signing_certificate(UserName="bob", CertificateBody=certificate(2))
    with pytest.raises(ClientError, match=r"LimitExceeded"):
        iam.upload_signing_certificate(UserName="bob", CertificateBody=certificate(3))
    ask = {"UserName": "bob", "CertificateId": first["CertificateId"]}
    iam.update_signing_certificate(**ask, Status="Inactive")
    listed = iam.list_signing_certificates(UserName="bob")["Certificates"]
    assert {one["Status"] for one in listed} == {"Active", "Inactive"}
    with pytest.raises(ClientError, match=r"must delete signing certificates first"):
        iam.delete_user(UserName="bob")
    for one in listed:
        iam.delete_signing_certificate(UserName="bob", CertificateId=one["CertificateId"])
    iam.delete_user(UserName="bob")


def test_an_ssh_key_comes_back_in_both_encodings(iam):
    iam.create_user(UserName="bob")
    public = KEY.public_key()
    line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    spki = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    made = iam.upload_ssh_public_key(UserName="bob", SSHPublicKeyBody=line + " bob@laptop")["SSHPublicKey"]
    assert len(made["Fingerprint"].split(":")) == 16
    ask = {"UserName": "bob", "SSHPublicKeyId": made["SSHPublicKeyId"]}
    shown = {
        form: iam.get_ssh_public_key(**ask, Encoding=form)["SSHPublicKey"]["SSHPublicKeyBody"]
        for form in ("SSH", "PEM")
    }
    assert shown == {"SSH": line, "PEM": public.public_bytes(*spki).decode()}
    with pytest.raises(ClientError, match=r"DuplicateSSHPublicKey"):
        iam.upload_ssh_public_key(UserName="bob", SSHPublicKeyBody=shown["PEM"])
    with pytest.raises(ClientError, match=r"InvalidPublicKey"):
        iam.upload_ssh_public_key(UserName="bob", SSHPublicKeyBody="ssh-rsa AAAA")
    iam.update_ssh_public_key(**ask, Status="Inactive")
    assert iam.list_ssh_public_keys(UserName="bob")["SSHPublicKeys"][0]["Status"] == "Inactive"
    iam.delete_ssh_public_key(**ask)
    iam.delete_user(UserName="bob")
