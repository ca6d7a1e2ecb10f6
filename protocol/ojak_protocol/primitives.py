"""The hashes, derivations and seals that everything else is made of.

`blake2b` is H (BLAKE2b-256 with a personalisation label), `mac` is HMAC-SHA512 cut to 32 bytes,
`kdf` is HKDF-SHA512, `seal` is XChaCha20-Poly1305 with its random 24-byte nonce in front.
Arguments are joined by `lv`, so that no two lists of arguments give the same bytes.

Source: docs/protocol.md, "Conventions".
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from ojak_protocol.errors import LocalError, Unopenable

Entropy = Callable[[int], bytes]
"""Give that many random bytes, fresh at each call."""

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 24
TAG_BYTES: Final = 16
SEAL_OVERHEAD_BYTES: Final = NONCE_BYTES + TAG_BYTES

_HASH_BYTES: Final = 64
MOST_DERIVED_BYTES: Final = 255 * _HASH_BYTES


def u8(value: int) -> bytes:
    """Return *value* as one byte."""
    return value.to_bytes(1, "big")


def u16(value: int) -> bytes:
    """Return *value* as two bytes, most significant first."""
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    """Return *value* as four bytes, most significant first."""
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    """Return *value* as eight bytes, most significant first."""
    return value.to_bytes(8, "big")


def lv(*parts: bytes) -> bytes:
    """Return the parts joined, each behind its length as a little-endian base-128 number.

    Source: draft-irtf-cfrg-cpace-21, "Definitions", lv_cat and prepend_len.
    """
    joined = bytearray()
    for part in parts:
        length = len(part)
        while length > 0x7F:
            joined.append(length & 0x7F | 0x80)
            length >>= 7
        joined.append(length)
        joined += part
    return bytes(joined)


def blake2b(label: bytes, message: bytes, *, size: int = 32) -> bytes:
    """Return H(label, message): BLAKE2b of *size* bytes, personalised with *label*.

    Source: RFC 7693; docs/protocol.md, "Conventions".
    """
    return hashlib.blake2b(message, digest_size=size, person=label).digest()


def mac(key: bytes, label: bytes) -> bytes:
    """Return HMAC-SHA512 of *label* under *key*, cut to 32 bytes."""
    return hmac.digest(key, label, "sha512")[:KEY_BYTES]


def kdf(*, salt: bytes, ikm: bytes, info: bytes, size: int) -> bytes:
    """Return *size* bytes of HKDF-SHA512, at most `MOST_DERIVED_BYTES`.

    Over the standard library's HMAC, because to load `cryptography` for it costs more than all
    that a command which opens a vault derives. See docs/decisions/0197.

    Raises:
        LocalError: *size* is above `MOST_DERIVED_BYTES`.

    Source: RFC 5869.
    """
    if size > MOST_DERIVED_BYTES:
        raise LocalError("HKDF counts its blocks in one byte")
    key = hmac.digest(salt, ikm, "sha512")
    block, derived = b"", b""
    for number in range(1, 1 + -(-size // _HASH_BYTES)):
        block = hmac.digest(key, block + info + u8(number), "sha512")
        derived += block
    return derived[:size]


def seal(key: bytes, plaintext: bytes, *, bound_to: bytes, nonce: bytes) -> bytes:
    """Return nonce ‖ ciphertext ‖ tag, 40 bytes longer than *plaintext*.

    Args:
        key: 32 bytes.
        plaintext: what is sealed.
        bound_to: what must be shown again to open it.
        nonce: 24 random bytes. Random nonces of this length do not repeat in practice, which is
            what makes sealing twice under one key (a letter and its withdrawn form) safe.

    Raises:
        LocalError: *key* or *nonce* has another length.
    """
    if len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES:
        raise LocalError("a key has 32 bytes and a nonce 24")
    return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, bound_to, nonce, key)


def unseal(key: bytes, sealed: bytes | memoryview, *, bound_to: bytes) -> bytes:
    """Return the plaintext of what `seal` made with the same key and binding.

    Raises:
        Unopenable: anything differs, or *sealed* is shorter than 40 bytes.
    """
    nonce, ciphertext = bytes(sealed[:NONCE_BYTES]), bytes(sealed[NONCE_BYTES:])
    return unseal_under(key, nonce, ciphertext, bound_to=bound_to)


def unseal_under(key: bytes, nonce: bytes, ciphertext: bytes, *, bound_to: bytes) -> bytes:
    """Return what `unseal` does, of a nonce that is kept apart from ciphertext ‖ tag.

    Raises:
        Unopenable: anything differs, or *nonce* or *ciphertext* is too short.
    """
    if len(nonce) != NONCE_BYTES or len(ciphertext) < TAG_BYTES:
        raise Unopenable("too short to be sealed")
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, bound_to, nonce, key)
    except CryptoError:
        raise Unopenable("not sealed under this key for this place") from None
