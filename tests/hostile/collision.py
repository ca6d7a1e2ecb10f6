"""One ciphertext of XChaCha20-Poly1305 that authenticates under two keys.

Poly1305 commits to no key: its tag is a polynomial over the ciphertext, evaluated at a point that
follows from the key, plus a number that follows from it too. With one free block of ciphertext
and the tag itself as unknowns, "the same tag under both keys" is one linear equation for each
carry of the two additions modulo 2^128; a few tries of another block find a solution.

Source: Len, Grubbs, Ristenpart, "Partitioning Oracle Attacks", USENIX Security 2021, section 3;
RFC 8439; draft-irtf-cfrg-xchacha-03.
"""

import struct
from dataclasses import dataclass
from itertools import product
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from ojak_protocol.primitives import NONCE_BYTES

BLOCK: Final = 16
_P: Final = 2**130 - 5
_TAG: Final = 2**128
_CLAMP: Final = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
_WORD: Final = 0xFFFFFFFF


def collide(first: bytes, second: bytes, ciphertext: bytes, *, bound_to: bytes, free: int) -> bytes:
    """Return nonce ‖ ciphertext ‖ tag that opens under both keys.

    Args:
        first: a key, 32 bytes.
        second: another one.
        ciphertext: nonce 24 ‖ ciphertext as it should be; 32 bytes of it are changed.
        bound_to: what it is bound to.
        free: where in the ciphertext two whole blocks begin that may be changed.
    """
    nonce, body = ciphertext[:NONCE_BYTES], bytearray(ciphertext[NONCE_BYTES:])
    keys = (_OneTimeKey.of(first, nonce), _OneTimeKey.of(second, nonce))
    for number in range(1, 1 << 16):
        body[free + BLOCK : free + 2 * BLOCK] = number.to_bytes(BLOCK, "little")
        found = _solved(keys, _blocks(bytes(body), bound_to), len(_padded(bound_to)) + free)
        if found is not None:
            block, tag = found
            body[free : free + BLOCK] = block
            return nonce + bytes(body) + tag
    raise AssertionError("one in a few blocks has a solution")


@dataclass(frozen=True)
class _OneTimeKey:
    """The point and the number of Poly1305, from the first block of the key stream."""

    r: int
    s: int

    @classmethod
    def of(cls, key: bytes, nonce: bytes) -> "_OneTimeKey":
        stream = Cipher(ChaCha20(_hchacha20(key, nonce[:16]), bytes(8) + nonce[16:]), None)
        block = stream.encryptor().update(bytes(32))
        return cls(
            int.from_bytes(block[:16], "little") & _CLAMP, int.from_bytes(block[16:], "little")
        )

    def value(self, blocks: list[int]) -> int:
        """The polynomial, before the number is added."""
        total = 0
        for block in blocks:
            total = (total + block) * self.r % _P
        return total


def _solved(
    keys: tuple[_OneTimeKey, _OneTimeKey], blocks: list[int], at: int
) -> tuple[bytes, bytes] | None:
    """The block at *at* bytes and the tag with which both keys authenticate, if there are any."""
    position = at // BLOCK
    power = len(blocks) - position
    blocks = [*blocks[:position], 0, *blocks[position + 1 :]]
    (rest1, slope1), (rest2, slope2) = ((key.value(blocks), pow(key.r, power, _P)) for key in keys)
    s1, s2 = keys[0].s, keys[1].s
    # value_i = rest_i + block * slope_i (mod P), and value_i = tag - s_i + carry_i * 2^128.
    inverse1, inverse2 = pow(slope1, -1, _P), pow(slope2, -1, _P)
    for carry1, carry2 in product(range(5), repeat=2):
        shift1, shift2 = carry1 * _TAG - s1 - rest1, carry2 * _TAG - s2 - rest2
        tag = (shift2 * inverse2 - shift1 * inverse1) * pow(inverse1 - inverse2, -1, _P) % _P
        block = (tag + shift1) * inverse1 % _P - _TAG
        values = (tag - s1 + carry1 * _TAG, tag - s2 + carry2 * _TAG)
        if tag < _TAG and 0 <= block < _TAG and all(0 <= value < _P for value in values):
            return block.to_bytes(BLOCK, "little"), tag.to_bytes(BLOCK, "little")
    return None


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def _blocks(ciphertext: bytes, bound_to: bytes) -> list[int]:
    """What Poly1305 runs over, as numbers, each with the bit that ends it."""
    lengths = struct.pack("<QQ", len(bound_to), len(ciphertext))
    data = _padded(bound_to) + _padded(ciphertext) + lengths
    return [
        int.from_bytes(data[start : start + BLOCK], "little") + _TAG
        for start in range(0, len(data), BLOCK)
    ]


def _hchacha20(key: bytes, nonce: bytes) -> bytes:
    """The key that XChaCha20 really uses: ChaCha20's rounds without the last addition."""
    x = [*struct.unpack("<4I", b"expand 32-byte k"), *struct.unpack("<8I4I", key + nonce)]

    def quarter(a: int, b: int, c: int, d: int) -> None:
        for p, q, r, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[p] = (x[p] + x[q]) & _WORD
            x[r] ^= x[p]
            x[r] = (x[r] << turn | x[r] >> 32 - turn) & _WORD

    for _ in range(10):
        for start in range(4):
            quarter(start, start + 4, start + 8, start + 12)
        for start in range(4):
            quarter(
                start,
                4 + (start + 1) % 4,
                8 + (start + 2) % 4,
                12 + (start + 3) % 4,
            )
    return struct.pack("<8I", *x[:4], *x[12:])
