"""The hashes, derivations and seals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ojak_protocol.errors import Unopenable
from ojak_protocol.primitives import lv, seal, unseal

KEY, NONCE = b"k" * 32, b"n" * 24


def test_lv_follows_the_draft_for_short_and_long_parts() -> None:
    assert lv(b"1234", b"5", b"", b"678") == b"\x041234\x015\x00\x03678"
    assert lv(bytes(range(128)))[:3] == b"\x80\x01\x00"


@given(st.lists(st.binary(max_size=300)), st.lists(st.binary(max_size=300)))
def test_two_lists_of_parts_never_join_to_the_same_bytes(a: list[bytes], b: list[bytes]) -> None:
    assert (lv(*a) == lv(*b)) == (a == b)


@given(st.binary(max_size=100), st.binary(max_size=40))
def test_what_was_sealed_opens_under_the_same_key_and_binding(text: bytes, bound: bytes) -> None:
    assert unseal(KEY, seal(KEY, text, bound_to=bound, nonce=NONCE), bound_to=bound) == text


def test_each_flipped_bit_and_each_cut_is_refused() -> None:
    sealed = seal(KEY, b"text", bound_to=b"place", nonce=NONCE)
    for position in range(len(sealed)):
        flipped = bytearray(sealed)
        flipped[position] ^= 1
        with pytest.raises(Unopenable):
            unseal(KEY, bytes(flipped), bound_to=b"place")
        with pytest.raises(Unopenable):
            unseal(KEY, sealed[:position], bound_to=b"place")
    with pytest.raises(Unopenable):
        unseal(KEY, sealed, bound_to=b"other place")
