"""Signatures, codes and agreed secrets: checked with another implementation where there is one."""

import hashlib
import hmac
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.conftest import TestCloud
from tests.services.kms.kms_asking import make, refused

PAIRS = [
    ("RSA_2048", "RSASSA_PSS_SHA_256"),
    ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_512"),
    ("ECC_NIST_P256", "ECDSA_SHA_256"),
    ("ECC_NIST_P384", "ECDSA_SHA_384"),
    ("ECC_NIST_P521", "ECDSA_SHA_512"),
    ("ECC_SECG_P256K1", "ECDSA_SHA_256"),
    ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512"),
]


@pytest.fixture
def kms(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("kms")


@pytest.mark.parametrize(("spec", "algorithm"), PAIRS)
def test_a_signature_holds_for_its_message_alone(kms: Any, spec: str, algorithm: str) -> None:
    made = make(kms, KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyId"]
    asked = {"KeyId": made, "SigningAlgorithm": algorithm}
    signature = kms.sign(Message=b"message", **asked)["Signature"]
    assert kms.verify(Message=b"message", Signature=signature, **asked)["SignatureValid"]
    assert refused(kms.verify, Message=b"massage", Signature=signature, **asked)[0] == "KMSInvalidSignatureException"


def test_others_can_verify_with_the_public_key(kms: Any) -> None:
    made = make(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyId"]
    found = kms.get_public_key(KeyId=made)
    assert (found["KeySpec"], found["SigningAlgorithms"]) == ("ECC_NIST_P256", ["ECDSA_SHA_256"])
    signature = kms.sign(KeyId=made, Message=b"message", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    public: Any = serialization.load_der_public_key(found["PublicKey"])
    public.verify(signature, b"message", ec.ECDSA(hashes.SHA256()))


def test_a_digest_is_signed_as_its_message(kms: Any) -> None:
    made = make(kms, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyId"]
    asked = {"KeyId": made, "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    digest = hashlib.sha256(b"message").digest()
    signature = kms.sign(Message=digest, MessageType="DIGEST", **asked)["Signature"]
    assert kms.verify(Message=b"message", Signature=signature, **asked)["SignatureValid"]
    assert refused(kms.sign, Message=b"short", MessageType="DIGEST", **asked)[0] == "ValidationException"


def test_an_algorithm_of_another_spec_is_refused(kms: Any) -> None:
    made = make(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyId"]
    asked = {"KeyId": made, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_384"}
    assert refused(kms.sign, **asked)[0] == "InvalidKeyUsageException"


@pytest.mark.parametrize("bits", [224, 256, 384, 512])
def test_a_code_holds_for_its_message_alone(kms: Any, bits: int) -> None:
    made = make(kms, KeySpec=f"HMAC_{bits}", KeyUsage="GENERATE_VERIFY_MAC")["KeyId"]
    asked = {"KeyId": made, "MacAlgorithm": f"HMAC_SHA_{bits}"}
    code = kms.generate_mac(Message=b"message", **asked)["Mac"]
    assert len(code) == bits // 8
    assert kms.verify_mac(Message=b"message", Mac=code, **asked)["MacValid"]
    assert refused(kms.verify_mac, Message=b"massage", Mac=code, **asked)[0] == "KMSInvalidMacException"
    assert code != hmac.new(b"", b"message", f"sha{bits}").digest()


def test_two_sides_agree_on_a_secret(kms: Any) -> None:
    made = make(kms, KeySpec="ECC_NIST_P384", KeyUsage="KEY_AGREEMENT")["KeyId"]
    mine = ec.generate_private_key(ec.SECP384R1())
    der = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    asked = {"KeyId": made, "KeyAgreementAlgorithm": "ECDH"}
    theirs: Any = serialization.load_der_public_key(kms.get_public_key(KeyId=made)["PublicKey"])
    found = kms.derive_shared_secret(PublicKey=mine.public_key().public_bytes(*der), **asked)
    assert found["SharedSecret"] == mine.exchange(ec.ECDH(), theirs)
    other = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*der)
    assert refused(kms.derive_shared_secret, PublicKey=other, **asked)[0] == "InvalidKeyUsageException"


def test_a_symmetric_key_has_no_public_one(kms: Any) -> None:
    assert refused(kms.get_public_key, KeyId=make(kms)["KeyId"])[0] == "UnsupportedOperationException"
