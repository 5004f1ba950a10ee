"""Key pairs: made here or brought along."""

import subprocess
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from tests.services.ec2.vpc.refusing import refused


def public_of(material):
    """The public key of a private key in PEM."""
    load = serialization.load_ssh_private_key if "OPENSSH" in material else serialization.load_pem_private_key
    key = load(material.encode(), None).public_key()
    return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


@pytest.mark.parametrize(("type", "begins"), [("rsa", "ssh-rsa "), ("ed25519", "ssh-ed25519 ")])
def test_a_pair_is_made_and_its_private_half_is_the_callers_alone(ec2, type, begins):
    made = ec2.create_key_pair(KeyName="door", KeyType=type)
    [shown] = ec2.describe_key_pairs(KeyNames=["door"], IncludePublicKey=True)["KeyPairs"]
    assert shown["PublicKey"] == f"{public_of(made['KeyMaterial'])} door"
    assert shown["PublicKey"].startswith(begins)
    assert (shown["KeyType"], shown["KeyFingerprint"]) == (type, made["KeyFingerprint"])
    assert "KeyMaterial" not in shown
    assert "PublicKey" not in ec2.describe_key_pairs()["KeyPairs"][0]


def test_the_fingerprints_are_those_that_openssl_and_ssh_keygen_find(ec2, tmp_path):
    made = ec2.create_key_pair(KeyName="rsa")
    file = tmp_path / "key"
    file.write_text(made["KeyMaterial"] + "\n")
    file.chmod(0o600)
    pkcs8 = subprocess.run(
        ["openssl", "pkcs8", "-in", file, "-inform", "PEM", "-outform", "DER", "-topk8", "-nocrypt"],
        capture_output=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    digest = subprocess.run(["openssl", "sha1", "-c"], input=pkcs8, capture_output=True, check=True, timeout=60).stdout
    assert digest.decode().split()[-1] == made["KeyFingerprint"]
    line = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )  # fmt: skip
    imported = ec2.import_key_pair(KeyName="ed", PublicKeyMaterial=line)
    file.write_bytes(line)
    said = subprocess.run(["ssh-keygen", "-l", "-f", file], capture_output=True, check=True, timeout=60).stdout
    assert said.decode().split()[1] == "SHA256:" + imported["KeyFingerprint"].rstrip("=")


def forms(key):
    """Every form in which a public key may be imported."""
    line = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    body = line.split()[1].decode()
    lines = "\n".join(body[at : at + 70] for at in range(0, len(body), 70))
    rfc4716 = f'---- BEGIN SSH2 PUBLIC KEY ----\nComment: "mine"\n{lines}\n---- END SSH2 PUBLIC KEY ----\n'.encode()
    return {"openssh": line + b" me@here\n", "der": b64encode(der), "pem": pem, "rfc4716": rfc4716}


@pytest.mark.parametrize("form", ["openssh", "der", "pem", "rfc4716"])
@pytest.mark.parametrize("type", ["rsa", "ed25519"])
def test_a_public_key_is_imported_in_any_form(ec2, type, form):
    private = rsa.generate_private_key(65537, 2048) if type == "rsa" else ed25519.Ed25519PrivateKey.generate()
    every = forms(private.public_key())
    ec2.import_key_pair(KeyName="mine", PublicKeyMaterial=every[form])
    [shown] = ec2.describe_key_pairs(IncludePublicKey=True)["KeyPairs"]
    assert shown["KeyType"] == type
    assert shown["PublicKey"].split()[:2] == every["openssh"].decode().split()[:2]


@pytest.mark.parametrize("bad", ["nonsense", "dsa", "ecdsa", "short", "empty"])
def test_what_is_no_key_is_refused(ec2, bad):
    def line(private):
        return private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)

    material = {
        "nonsense": lambda: b"ssh-rsa nonsense",
        "dsa": lambda: line(dsa.generate_private_key(1024)),
        "ecdsa": lambda: line(ec.generate_private_key(ec.SECP256R1())),
        "short": lambda: line(rsa.generate_private_key(65537, 1536)),
        "empty": lambda: b" ",
    }[bad]()
    with refused("InvalidKey.Format"):
        ec2.import_key_pair(KeyName="mine", PublicKeyMaterial=material)


def test_a_name_is_taken_once_in_a_region(cloud, ec2, other):
    ec2.create_key_pair(KeyName="door")
    with refused("InvalidKeyPair.Duplicate"):
        ec2.create_key_pair(KeyName="door")
    other.create_key_pair(KeyName="door")
    cloud.client("ec2", region_name="eu-west-1").create_key_pair(KeyName="door")
    with refused("InvalidParameterValue"):
        ec2.create_key_pair(KeyName=" door")
    with refused("Unsupported"):
        ec2.create_key_pair(KeyName="putty", KeyFormat="ppk")


def test_a_pair_is_deleted_by_name_or_id_and_again(ec2):
    first = ec2.create_key_pair(KeyName="one")["KeyPairId"]
    assert ec2.delete_key_pair(KeyName="one")["KeyPairId"] == first
    assert ec2.delete_key_pair(KeyName="one")["Return"] is True
    second = ec2.create_key_pair(KeyName="two")["KeyPairId"]
    ec2.delete_key_pair(KeyPairId=second)
    assert ec2.describe_key_pairs()["KeyPairs"] == []
    with refused("InvalidKeyPair.NotFound"):
        ec2.describe_key_pairs(KeyNames=["two"])
    with refused("MissingParameter"):
        ec2.delete_key_pair()


def test_a_machine_keeps_the_name_of_a_key_that_is_deleted(ec2, launch, show):
    ec2.create_key_pair(KeyName="door")
    id = launch(KeyName="door")["InstanceId"]
    ec2.delete_key_pair(KeyName="door")
    assert show(id)["KeyName"] == "door"
