"""ML-KEM-768 behind the interface: round trip, forged ciphertexts, keys that are no keys."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_protocol.errors import Malformed
from ojak_protocol.kem import CIPHERTEXT_BYTES, PUBLIC_BYTES, SEED_BYTES, SHARED_BYTES, MlKem768

KEM = MlKem768()
SEED = bytes(range(SEED_BYTES))
PUBLIC = KEM.public_key(SEED)


def test_both_sides_get_the_same_secret_and_the_sizes_are_those_of_the_standard() -> None:
    shared, ciphertext = KEM.encapsulate(PUBLIC)
    assert (len(PUBLIC), len(ciphertext), len(shared)) == (1184, 1088, 32)
    assert KEM.decapsulate(SEED, ciphertext) == shared
    assert KEM.encapsulate(PUBLIC)[0] != shared


def test_a_forged_ciphertext_gives_an_unrelated_secret_and_no_error() -> None:
    shared, ciphertext = KEM.encapsulate(PUBLIC)
    forged = bytes([ciphertext[0] ^ 1]) + ciphertext[1:]
    assert KEM.decapsulate(SEED, forged) != shared
    assert len(KEM.decapsulate(SEED, os.urandom(CIPHERTEXT_BYTES))) == SHARED_BYTES


@given(st.binary(max_size=1300))
@settings(max_examples=50)
def test_arbitrary_bytes_are_a_key_or_malformed(data: bytes) -> None:
    try:
        KEM.encapsulate(data)
    except Malformed:
        return
    assert len(data) == PUBLIC_BYTES


def test_a_key_with_a_number_beyond_the_modulus_is_malformed() -> None:
    with pytest.raises(Malformed):
        KEM.encapsulate(b"\xff" * PUBLIC_BYTES)


@pytest.mark.parametrize("size", [0, 1087, 1089])
def test_a_ciphertext_of_another_length_is_malformed(size: int) -> None:
    with pytest.raises(Malformed):
        KEM.decapsulate(SEED, bytes(size))


def test_a_key_of_zeros_which_would_show_every_secret_is_malformed() -> None:
    for matrix_seed in (bytes(32), b"s" * 32):
        with pytest.raises(Malformed):
            KEM.encapsulate(bytes(1152) + matrix_seed)
