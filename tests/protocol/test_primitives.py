"""The hashes, derivations and seals."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_generichash_blake2b_salt_personal

from ojak_protocol.errors import LocalError, Unopenable
from ojak_protocol.primitives import (
    MOST_DERIVED_BYTES,
    blake2b,
    kdf,
    lv,
    mac,
    seal,
    u8,
    u16,
    u32,
    u64,
    unseal,
)

KEY, NONCE = b"k" * 32, b"n" * 24


@pytest.mark.parametrize(("encode", "size"), [(u8, 1), (u16, 2), (u32, 4), (u64, 8)])
def test_numbers_have_one_length_and_their_most_significant_byte_first(
    encode: Callable[[int], bytes], size: int
) -> None:
    assert encode(0) == bytes(size)
    assert encode(1) == bytes(size - 1) + b"\1"
    assert encode(256**size - 2) == b"\xff" * (size - 1) + b"\xfe"
    for outside in (-1, 256**size):
        with pytest.raises(OverflowError):
            encode(outside)


@given(st.binary(max_size=16), st.binary(max_size=300), st.integers(1, 64))
def test_the_hash_is_blake2b_personalised_with_its_label(
    label: bytes, message: bytes, size: int
) -> None:
    """libsodium's BLAKE2b is another implementation than hashlib's."""
    expected = crypto_generichash_blake2b_salt_personal(
        message, digest_size=size, person=label.ljust(16, b"\0")
    )
    assert blake2b(label, message, size=size) == expected
    assert len(blake2b(label, message)) == 32


def test_mac_follows_the_first_and_second_example_of_rfc_4231_cut_to_32_bytes() -> None:
    assert mac(b"\x0b" * 20, b"Hi There") == bytes.fromhex(
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
    )
    assert mac(b"Jefe", b"what do ya want for nothing?") == bytes.fromhex(
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
    )


@given(st.binary(max_size=200), st.binary(), st.binary(), st.integers(1, MOST_DERIVED_BYTES))
def test_kdf_gives_what_another_library_s_hkdf_gives(
    salt: bytes, ikm: bytes, info: bytes, size: int
) -> None:
    other = HKDF(algorithm=SHA512(), length=size, salt=salt, info=info)
    assert kdf(salt=salt, ikm=ikm, info=info, size=size) == other.derive(ikm)


# Of Wycheproof, testvectors_v1/hkdf_sha512_test.json: tests 1, 6, 15, 18 and 20.
@pytest.mark.parametrize(
    ("ikm", "salt", "info", "okm"),
    [
        (
            "24aeff2645e3e0f5494a9a102778c43a",
            "",
            "",
            "dd2599840b09699c6200b5cba79002b3aa75c61b",
        ),
        (
            "55fb6dcc7802354e55a45a6e41858c05",
            "",
            "dcd590e418b259c64fb9e139b3a1280d5de8400b",
            (
                "725ac2b568fa0308ea6baeb2175ae9a0d41f8be1af13057f0646ba56389a8f1d"
                "8a783da95fc7eee4897a0b1580f7987115e03508feedc335260a293f01afdb98"
            ),
        ),
        (
            "63984079a2540d0bba5d2700642104c6",
            "70b2a476c9a80e52352b503901a7afea41c186bdc872d5053448769299e8",
            "",
            (
                "4505108ef681eb9d39dfcd7e54d3273907fbb06d468d8f3a2d2ccc01cf1792fb"
                "4796242051fc770c12a8f782dfe47f3ad0c80248cd5ab28db46c8eb27a2153d1"
            ),
        ),
        (
            "d515f58eed428b2bac233c8538580e2f",
            "c2a3ad9db6621fceb7498c0e6287522077acd2d47b55c09d52e114943b37",
            "14de8cffd89e49275f69d2e1e6b43fa0c3775451",
            (
                "04039af015d1b63b0af171e0fc283c06d19a0e4b1093fa5f8c721d85580c5279"
                "9f13d644543c2249497492f55029ce9cd19a29cd84acbc1488724941a3fc97fc"
            ),
        ),
        (
            "24a37db03dbcffbe9e28d582d0d8c60a",
            (
                "4c3d3b4f5436418713fbe2fbc4d647095ce5d5392dcfffd20327187e14fb6836"
                "0b94c5122203292d8b648a754ab70f6d3d61e0650f06d55c4b5762cba0231e27"
            ),
            "8cd9e7b786a74bd370bae434e31a559bdf75d65f",
            "ea18185ff290f27480f625404a39d56582a1bcd8f74f97cfccb898ddf2611833ed57fa46e88e145b604d",
        ),
    ],
)
def test_kdf_gives_published_results(ikm: str, salt: str, info: str, okm: str) -> None:
    given = {"ikm": ikm, "salt": salt, "info": info}
    derived = kdf(**{name: bytes.fromhex(one) for name, one in given.items()}, size=len(okm) // 2)
    assert derived.hex() == okm


def test_kdf_gives_no_more_than_its_counter_counts() -> None:
    with pytest.raises(LocalError):
        kdf(salt=b"s", ikm=b"k", info=b"", size=MOST_DERIVED_BYTES + 1)


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


def test_seal_follows_the_example_of_the_draft_with_the_nonce_in_front() -> None:
    """draft-irtf-cfrg-xchacha-03, A.3.1."""
    key, nonce = bytes(range(0x80, 0xA0)), bytes(range(0x40, 0x58))
    text = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        b"future, sunscreen would be it."
    )
    bound = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    assert seal(key, text, bound_to=bound, nonce=nonce) == nonce + bytes.fromhex(
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
        "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
        "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
        "21f9664c97637da9768812f615c68b13b52e"
        "c0875924c1c7987947deafd8780acf49"
    )


@pytest.mark.parametrize(
    ("key", "nonce"),
    [(KEY[1:], NONCE), (KEY + b"k", NONCE), (KEY, NONCE[1:]), (KEY, NONCE + b"n"), (b"", b"")],
    ids=["short key", "long key", "short nonce", "long nonce", "nothing"],
)
def test_nothing_is_sealed_with_a_key_or_a_nonce_of_another_length(
    key: bytes, nonce: bytes
) -> None:
    with pytest.raises(LocalError):
        seal(key, b"text", bound_to=b"place", nonce=nonce)
