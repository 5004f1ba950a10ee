"""What each key spec can do: its usages and the algorithms it has for them.

Source: AWS KMS Developer Guide, "Key spec reference".
"""

from typing import NamedTuple

ENCRYPT, SIGN, MAC, AGREE = "ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"

RSA_SIZES = {"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}
HMAC_BYTES = {"HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64}
NOT_YET = frozenset({"SM2", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"})

_RSA_SIGNING = tuple(f"RSASSA_{kind}_SHA_{bits}" for kind in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512))


class Spec(NamedTuple):
    """The algorithms of each usage a spec allows, in AWS's order."""

    algorithms: dict[str, tuple[str, ...]]


SPECS: dict[str, Spec] = {
    "SYMMETRIC_DEFAULT": Spec({ENCRYPT: ("SYMMETRIC_DEFAULT",)}),
    **{name: Spec({ENCRYPT: ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"), SIGN: _RSA_SIGNING}) for name in RSA_SIZES},
    "ECC_NIST_P256": Spec({SIGN: ("ECDSA_SHA_256",), AGREE: ("ECDH",)}),
    "ECC_NIST_P384": Spec({SIGN: ("ECDSA_SHA_384",), AGREE: ("ECDH",)}),
    "ECC_NIST_P521": Spec({SIGN: ("ECDSA_SHA_512",), AGREE: ("ECDH",)}),
    "ECC_SECG_P256K1": Spec({SIGN: ("ECDSA_SHA_256",)}),
    "ECC_NIST_EDWARDS25519": Spec({SIGN: ("ED25519_SHA_512", "ED25519_PH_SHA_512")}),
    **{name: Spec({MAC: (f"HMAC_SHA_{name[-3:]}",)}) for name in HMAC_BYTES},
}
