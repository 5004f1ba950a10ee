"""Key pairs: made here or imported; of a private key that is made here, only the caller keeps a copy.

Source: EC2 API Reference, "CreateKeyPair", "ImportKeyPair", "DescribeKeyPairs"; Amazon EC2 User Guide, "Verify the
fingerprint of your key pair" (SHA-1 of the private key's PKCS#8 DER for RSA made by AWS, MD5 of the public key's DER
for imported RSA, OpenSSH's SHA-256 for ED25519).
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from pileus.base import ids
from pileus.service import Call
from pileus.store import Table

from ..filters import chosen
from ..kinds import HEX_DIGITS, Kind
from ..service import Ec2Error, Request, invalid, missing, operation
from ..tags import given, shown

NAME_MAX = 255
PAIRS_MAX = 5_000


class KeyPair(msgspec.Struct, frozen=True):
    """`public`: an OpenSSH line without comment."""

    id: str
    name: str
    type: str
    fingerprint: str
    public: str
    created: float
    tags: dict[str, str] = {}


key_pairs = Table("ec2.key_pairs", KeyPair)
names = Table("ec2.key_pairs.by_name", str)  # account, region, name -> id


class _KeyPairs(Kind[KeyPair]):
    def arn(self, call: Call, id: str, account: str | None = None) -> str:
        """By name."""
        record = self.get(call, id)
        return super().arn(call, record.name if record is not None else id, account)

    def behind(self, call: Call, id: str) -> KeyPair | None:
        return named(call, id) or self.get(call, id)


kind = _KeyPairs(
    "key",
    "key-pair",
    "InvalidKeyPair",
    "key pair",
    key_pairs,
    filters={
        "key-name": lambda pair: [pair.name],
        "key-pair-id": lambda pair: [pair.id],
        "fingerprint": lambda pair: [pair.fingerprint],
    },
    keys=lambda call, pair: {"ec2:KeyPairName": pair.name, "ec2:KeyPairType": pair.type},
    malformed="InvalidKeyPair.NotFound",
)


def named(call: Call, name: str) -> KeyPair | None:
    id = names.get(call.tx, call.account, call.region, name)
    return kind.get(call, id) if id is not None else None


def need(call: Call, name: str) -> KeyPair:
    found = named(call, name)
    if found is None:
        raise Ec2Error("InvalidKeyPair.NotFound", f"The key pair '{name}' does not exist")
    return found


def _by_name(call: Call, request: Request) -> str:
    return kind.arn(call, request.get("KeyName") or request.get("KeyPairId") or "*")


def _keep(call: Call, request: Request, type: str, fingerprint: str, public: str) -> KeyPair:
    name = request["KeyName"]
    if not name or len(name) > NAME_MAX or not name.isascii() or name != name.strip():
        raise invalid(f"Value ({name}) for parameter KeyName is invalid. Up to {NAME_MAX} ASCII characters.")
    if named(call, name) is not None:
        raise Ec2Error("InvalidKeyPair.Duplicate", f"The keypair already exists: {name}")
    if sum(1 for _ in kind.all(call)) >= PAIRS_MAX:
        raise Ec2Error("KeyPairLimitExceeded", f"Maximum of {PAIRS_MAX} key pairs reached.")
    id = f"key-0{ids.unique_hex(HEX_DIGITS - 1)}"
    tags = given(call, request, kind)[kind.type]
    names.put(call.tx, call.account, call.region, name, record=id)
    return kind.put(call, id, KeyPair(id, name, type, fingerprint, public, call.now, tags))


@operation("CreateKeyPair", resource=_by_name)
def create_key_pair(call: Call, request: Request) -> dict[str, Any]:
    type, form = request.get("KeyType") or "rsa", request.get("KeyFormat") or "pem"
    if form != "pem":
        raise Ec2Error("Unsupported", "Pileus makes keys in the format pem only; puttygen reads them.")
    private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    if type == "rsa":
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        written = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        der = private.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        fingerprint = _colons(hashlib.sha1(der).digest())
    else:
        private = ed25519.Ed25519PrivateKey.generate()
        written = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        fingerprint = ""
    line = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    pair = _keep(call, request, type, fingerprint or _sha256(line.decode()), line.decode())
    return {**_brief(pair), "KeyMaterial": written.decode().rstrip("\n")}


@operation("ImportKeyPair", resource=_by_name)
def import_key_pair(call: Call, request: Request) -> dict[str, Any]:
    """Takes OpenSSH lines, DER in Base64, and RFC 4716 or PEM."""
    public = _read(request["PublicKeyMaterial"])
    line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    if isinstance(public, rsa.RSAPublicKey):
        if public.key_size not in (1024, 2048, 4096):
            raise Ec2Error("InvalidKey.Format", "Key length must be 1024, 2048, or 4096.")
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        pair = _keep(call, request, "rsa", _colons(hashlib.md5(der).digest()), line)
    else:
        pair = _keep(call, request, "ed25519", _sha256(line), line)
    return _brief(pair)


def _read(material: bytes) -> rsa.RSAPublicKey | ed25519.Ed25519PublicKey:
    text = material.strip()
    try:
        if text.startswith(b"---- BEGIN SSH2"):
            body = b"".join(line for line in text.splitlines() if b":" not in line and not line.startswith(b"----"))
            kind_of_key = b"ssh-rsa" if b"ssh-rsa" in b64decode(body) else b"ssh-ed25519"
            found: Any = serialization.load_ssh_public_key(kind_of_key + b" " + body)
        elif text.startswith(b"-----"):
            found = serialization.load_pem_public_key(text)
        elif text.startswith(b"ssh-"):
            found = serialization.load_ssh_public_key(text)
        else:
            found = serialization.load_der_public_key(b64decode(text, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        raise Ec2Error("InvalidKey.Format", "Key is not in valid OpenSSH public key format") from None
    if not isinstance(found, rsa.RSAPublicKey | ed25519.Ed25519PublicKey):
        raise Ec2Error("InvalidKey.Format", "Key is not in valid OpenSSH public key format")
    return found


def _colons(digest: bytes) -> str:
    return ":".join(f"{octet:02x}" for octet in digest)


def _sha256(line: str) -> str:
    return b64encode(hashlib.sha256(b64decode(line.split()[1])).digest()).decode()


def _brief(pair: KeyPair) -> dict[str, Any]:
    return {"KeyName": pair.name, "KeyFingerprint": pair.fingerprint, "KeyPairId": pair.id, **shown(pair.tags)}


@operation("DeleteKeyPair", resource=_by_name)
def delete_key_pair(call: Call, request: Request) -> dict[str, Any]:
    """A name that does not exist is deleted all the same."""
    name, id = request.get("KeyName"), request.get("KeyPairId")
    if not name and not id:
        raise missing("KeyName or KeyPairId")
    pair = kind.need(call, id) if id else named(call, name or "")
    if pair is None:
        return {"Return": True}
    names.delete(call.tx, call.account, call.region, pair.name)
    kind.delete(call, pair.id)
    return {"Return": True, "KeyPairId": pair.id}


@operation("DescribeKeyPairs")
def describe_key_pairs(call: Call, request: Request) -> dict[str, Any]:
    public = bool(request.get("IncludePublicKey"))
    keep = chosen(kind, request)
    by_name, by_id = request.get("KeyNames"), request.get("KeyPairIds")
    pairs: Iterator[KeyPair] | list[KeyPair]
    if by_name or by_id:
        pairs = [need(call, name) for name in by_name or []] + kind.need_all(call, by_id or [])
    else:
        pairs = kind.all(call)
    return {
        "KeyPairs": [
            {
                **_brief(pair),
                "KeyType": pair.type,
                "CreateTime": pair.created,
                **({"PublicKey": f"{pair.public} {pair.name}"} if public else {}),
                "Tags": [{"Key": key, "Value": value} for key, value in sorted(pair.tags.items())],
            }
            for pair in sorted(filter(keep, pairs), key=lambda pair: pair.name)
        ]
    }
