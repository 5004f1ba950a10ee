"""Encrypt, Decrypt, ReEncrypt and data keys."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from tests.conftest import TestCloud
from tests.services.kms.kms_asking import make, refused

CONTEXT = {"bucket": "b", "key": "k"}


@pytest.fixture
def kms(shared_cloud: TestCloud) -> Any:
    return shared_cloud.client("kms")


def test_what_was_encrypted_is_decrypted_without_naming_the_key(kms: Any) -> None:
    made = make(kms)
    sealed = kms.encrypt(KeyId=made["KeyId"], Plaintext=b"secret", EncryptionContext=CONTEXT)
    assert sealed["KeyId"] == made["Arn"]
    turned = dict(reversed(CONTEXT.items()))
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=turned)
    assert (opened["Plaintext"], opened["KeyId"]) == (b"secret", made["Arn"])
    assert opened["KeyMaterialId"] == made["CurrentKeyMaterialId"]


@pytest.mark.parametrize("context", [{}, {"bucket": "b"}, {"bucket": "b", "key": "K"}, {"bucketb": "", "key": "k"}])
def test_another_context_does_not_open_it(kms: Any, context: dict[str, str]) -> None:
    blob = kms.encrypt(KeyId=make(kms)["KeyId"], Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]
    assert refused(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context)[0] == "InvalidCiphertextException"


def test_an_altered_blob_does_not_open(kms: Any) -> None:
    blob = kms.encrypt(KeyId=make(kms)["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    for position in (0, 24, len(blob) - 1):
        altered = blob[:position] + bytes([blob[position] ^ 1]) + blob[position + 1 :]
        assert refused(kms.decrypt, CiphertextBlob=altered)[0] == "InvalidCiphertextException"
    assert refused(kms.decrypt, CiphertextBlob=blob[:-1])[0] == "InvalidCiphertextException"
    assert refused(kms.decrypt, CiphertextBlob=b"nonsense")[0] == "InvalidCiphertextException"


def test_a_blob_of_a_key_that_is_not_there_says_no_more(kms: Any) -> None:
    blob = kms.encrypt(KeyId=make(kms)["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    altered = blob[:8] + bytes([blob[8] ^ 1]) + blob[9:]
    assert refused(kms.decrypt, CiphertextBlob=altered)[0] == "AccessDeniedException"


def test_another_key_does_not_open_it(kms: Any) -> None:
    blob = kms.encrypt(KeyId=make(kms)["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    assert refused(kms.decrypt, CiphertextBlob=blob, KeyId=make(kms)["KeyId"]) == (
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )


def test_encrypting_twice_gives_two_ciphertexts(kms: Any) -> None:
    made = make(kms)["KeyId"]
    assert (
        kms.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]
        != kms.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]
    )


def test_a_data_key_comes_plain_and_sealed(kms: Any) -> None:
    made = make(kms)
    found = kms.generate_data_key(KeyId=made["KeyId"], KeySpec="AES_256", EncryptionContext=CONTEXT)
    assert len(found["Plaintext"]) == 32
    opened = kms.decrypt(CiphertextBlob=found["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == found["Plaintext"]
    bare = kms.generate_data_key_without_plaintext(KeyId=made["KeyId"], NumberOfBytes=24)
    assert "Plaintext" not in bare
    assert len(kms.decrypt(CiphertextBlob=bare["CiphertextBlob"])["Plaintext"]) == 24
    assert refused(kms.generate_data_key, KeyId=made["KeyId"])[0] == "ValidationException"
    both = {"KeySpec": "AES_128", "NumberOfBytes": 16}
    assert refused(kms.generate_data_key, KeyId=made["KeyId"], **both)[0] == "ValidationException"


def test_a_data_key_pair_belongs_together(kms: Any) -> None:
    made = make(kms)["KeyId"]
    pair = kms.generate_data_key_pair(KeyId=made, KeyPairSpec="ECC_NIST_P256")
    private: Any = serialization.load_der_private_key(pair["PrivateKeyPlaintext"], None)
    assert pair["PublicKey"] == private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    opened = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])["Plaintext"]
    assert opened == pair["PrivateKeyPlaintext"]
    bare = kms.generate_data_key_pair_without_plaintext(KeyId=made, KeyPairSpec="RSA_2048")
    assert "PrivateKeyPlaintext" not in bare


def test_random_bytes_are_as_many_as_asked_for(kms: Any) -> None:
    assert len(kms.generate_random(NumberOfBytes=77)["Plaintext"]) == 77
    assert refused(kms.generate_random)[0] == "ValidationException"


def test_re_encrypting_moves_a_secret_to_another_key(kms: Any) -> None:
    one, two = make(kms), make(kms)
    blob = kms.encrypt(KeyId=one["KeyId"], Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=two["KeyId"],
        DestinationEncryptionContext={"new": "one"},
    )
    assert (moved["SourceKeyId"], moved["KeyId"]) == (one["Arn"], two["Arn"])
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"new": "one"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"x", two["Arn"])


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        ("encrypt", {"Plaintext": b"x"}),
        ("generate_data_key", {"KeySpec": "AES_256"}),
        ("generate_data_key_without_plaintext", {"KeySpec": "AES_256"}),
        ("generate_data_key_pair", {"KeyPairSpec": "ECC_NIST_P256"}),
    ],
)
def test_a_dry_run_only_tells(kms: Any, operation: str, asked: dict[str, Any]) -> None:
    made = make(kms)["KeyId"]
    assert refused(getattr(kms, operation), KeyId=made, DryRun=True, **asked)[0] == "DryRunOperationException"


def test_keys_for_something_else_do_not_encrypt(kms: Any) -> None:
    made = make(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    assert refused(kms.encrypt, KeyId=made["KeyId"], Plaintext=b"x") == (
        "InvalidKeyUsageException",
        f"{made['Arn']} key usage is SIGN_VERIFY which is not valid for Encrypt.",
    )


def test_rsa_keys_encrypt_small_things(kms: Any) -> None:
    made = make(kms, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyId"]
    algorithm = "RSAES_OAEP_SHA_256"
    blob = kms.encrypt(KeyId=made, Plaintext=b"x" * 190, EncryptionAlgorithm=algorithm)["CiphertextBlob"]
    opened = kms.decrypt(KeyId=made, CiphertextBlob=blob, EncryptionAlgorithm=algorithm)
    assert (opened["Plaintext"], opened["EncryptionAlgorithm"]) == (b"x" * 190, algorithm)
    assert refused(kms.encrypt, KeyId=made, Plaintext=b"x" * 191, EncryptionAlgorithm=algorithm)[0] == (
        "ValidationException"
    )
    assert refused(kms.encrypt, KeyId=made, Plaintext=b"x")[0] == "InvalidKeyUsageException"
    assert refused(kms.decrypt, CiphertextBlob=blob, EncryptionAlgorithm=algorithm)[0] == "ValidationException"
    assert refused(kms.decrypt, KeyId=made, CiphertextBlob=b"x" * 256, EncryptionAlgorithm=algorithm)[0] == (
        "InvalidCiphertextException"
    )


def test_ciphertexts_outlive_a_restart_and_material_is_not_in_the_store(cloud: TestCloud) -> None:
    kms = cloud.client("kms")
    hmac_key = make(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyId"]
    code = kms.generate_mac(KeyId=hmac_key, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
    blob = kms.encrypt(KeyId=make(kms)["KeyId"], Plaintext=b"a-plain-word-of-nobody-else")["CiphertextBlob"]
    cloud.restart()
    kms = cloud.client("kms")
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"a-plain-word-of-nobody-else"
    assert kms.generate_mac(KeyId=hmac_key, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"] == code
    assert _files_with(cloud.settings.data_dir, b"a-plain-word-of-nobody-else") == []


def _files_with(folder: Path, text: bytes) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and text in file.read_bytes()]
