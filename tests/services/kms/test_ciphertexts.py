"""Ciphertext blobs, for any plaintext, context and damage."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pileus.base.errors import ApiError
from pileus.keyring import Keyring
from pileus.services.kms import ciphertext
from pileus.services.kms.material import new_material
from pileus.services.kms.tables import Key

RING = Keyring()
ARN = "arn:aws:kms:us-east-1:000000000000:key/12345678-1234-1234-1234-123456789012"
KEY = Key(
    "000000000000",
    "us-east-1",
    ARN.rpartition("/")[2],
    ARN,
    0.0,
    [new_material(RING, ARN, "SYMMETRIC_DEFAULT", 0.0)[0]],
    "{}",
)
CONTEXTS = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)


@given(st.binary(min_size=1, max_size=100), CONTEXTS)
def test_what_is_sealed_opens_with_the_same_context_in_any_order(plaintext: bytes, context: dict[str, str]) -> None:
    blob = ciphertext.seal(RING, KEY, plaintext, context)
    assert ciphertext.unseal(RING, KEY, blob, dict(reversed(context.items())))[0] == plaintext


@given(CONTEXTS, CONTEXTS)
def test_no_other_context_opens_it(one: dict[str, str], two: dict[str, str]) -> None:
    assume(one != two)
    blob = ciphertext.seal(RING, KEY, b"x", one)
    with pytest.raises(ApiError):
        ciphertext.unseal(RING, KEY, blob, two)


@given(st.data())
def test_no_damaged_blob_opens(data: st.DataObject) -> None:
    blob = ciphertext.seal(RING, KEY, b"x" * 8, {})
    position = data.draw(st.integers(0, len(blob) - 1))
    bit = data.draw(st.integers(0, 7))
    damaged = blob[:position] + bytes([blob[position] ^ (1 << bit)]) + blob[position + 1 :]
    with pytest.raises(ApiError):
        ciphertext.unseal(RING, KEY, damaged, {})


@given(st.binary(max_size=120))
def test_noise_is_refused_as_a_ciphertext(noise: bytes) -> None:
    with pytest.raises(ApiError):
        ciphertext.unseal(RING, KEY, noise, {})
