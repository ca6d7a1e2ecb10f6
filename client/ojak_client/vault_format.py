"""The bytes of a vault's first file, which look random to whoever lacks a passphrase.

    file    = salt 16 ‖ random 4080 ‖ 4 slots                      exactly 2 MiB
    slot    = salt 32 ‖ commitment 32 ‖ nonce 24 ‖ sealed payload  523,264 bytes
    payload = u16 version ‖ u64 save count ‖ u16 pages ‖ u8 slots given away ‖ u32 length
              ‖ 256 bytes pages to be overwritten ‖ content ‖ zeros

Version 1 knew no second file: u16 version ‖ u64 save count ‖ u32 length ‖ content ‖ zeros.

A closed slot is random bytes; so is an open one to others. The key of a passphrase is Argon2id
over the file's salt, once for all slots, so that every passphrase and every slot takes the same
time. Commitment and sealing key of a slot are KDF(key, slot's salt), both new at each save. The
commitment is compared first, because a text under this AEAD can be made to open under two keys.

What is authenticated: the header, the number and all bytes of the open slot, the file's length.
A closed slot cannot be: another passphrase may have written it since. See docs/decisions/0030.
"""

import hmac
from collections.abc import Callable, Collection
from typing import Final

from ojak_client.errors import VaultDamaged, VaultFull, VaultTooNew
from ojak_protocol.errors import Unopenable
from ojak_protocol.primitives import (
    KEY_BYTES,
    NONCE_BYTES,
    SEAL_OVERHEAD_BYTES,
    Entropy,
    kdf,
    seal,
    u8,
    u16,
    u32,
    u64,
    unseal_under,
)
from ojak_protocol.values import dataclass

FILE_BYTES: Final = 2 * 1024 * 1024
HEADER_BYTES: Final = 4096
SALT_BYTES: Final = 16
SLOTS: Final = 4
SLOT_BYTES: Final = (FILE_BYTES - HEADER_BYTES) // SLOTS
SLOT_SALT_BYTES: Final = 32
SLOT_HEAD_BYTES: Final = SLOT_SALT_BYTES + KEY_BYTES + NONCE_BYTES
PAYLOAD_BYTES: Final = SLOT_BYTES - SLOT_SALT_BYTES - KEY_BYTES - SEAL_OVERHEAD_BYTES
MOST_PAGES: Final = 2048
"""For each slot; the map of pages that are to be overwritten has a bit for each."""
PAYLOAD_HEADER_BYTES: Final = 2 + 8 + 2 + 1 + 4 + MOST_PAGES // 8
MAX_CONTENT_BYTES: Final = PAYLOAD_BYTES - PAYLOAD_HEADER_BYTES
VERSION: Final = 2

_FIRST_HEADER_BYTES: Final = 2 + 8 + 4

# A label of this file only, which no other program reads; the protocol's begin differently.
_KDF_SLOT: Final = b"ojak vault slot"


@dataclass(frozen=True, slots=True, repr=False)
class Heads:
    """What stands before all that is sealed; no two saves have the same, since each draws a salt.

    Attributes:
        header: `HEADER_BYTES`, the same in all saves of a file.
        slots: salt, commitment and nonce of each slot, `SLOT_HEAD_BYTES`.
    """

    header: bytes
    slots: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Saved:
    """What an open slot holds.

    Attributes:
        save_count: 1 when the vault was made, one more at each save.
        content: at most `MAX_CONTENT_BYTES`; a view where it was opened, since it may be large.
        pages: how many pages the file of boxes has for each slot; 0: there is no such file yet.
        given: the slots that were given to other passphrases from this one.
        stale: pages whose boxes this save let go, and which may still have to be overwritten.
    """

    save_count: int
    content: bytes | memoryview
    pages: int
    given: frozenset[int] = frozenset()
    stale: frozenset[int] = frozenset()


def blank(entropy: Entropy) -> bytes:
    """Return a file without an open slot, `FILE_BYTES` random bytes."""
    return entropy(FILE_BYTES)


def heads(read: Callable[[range], bytes]) -> Heads:
    """Return the heads of the file of which *read* gives the bytes that lie in a range."""
    begins = map(_begin, range(SLOTS))
    slots = tuple(read(range(begin, begin + SLOT_HEAD_BYTES)) for begin in begins)
    return Heads(read(range(HEADER_BYTES)), slots)


def sealed_at(slot: int) -> range:
    """Return where what is sealed in *slot* lies, all of the slot that is not its head."""
    return range(_begin(slot) + SLOT_HEAD_BYTES, _begin(slot) + SLOT_BYTES)


def salt_of(of: Heads) -> bytes:
    """Return the 16 bytes over which every passphrase of this file is stretched."""
    return of.header[:SALT_BYTES]


def is_open(of: Heads, slot: int, key: bytearray) -> bool:
    """Return whether *slot* was written under *key*; the time does not depend on the answer."""
    salt, found, _ = _parts(of.slots[slot])
    commitment, _ = _slot_keys(key, salt)
    return hmac.compare_digest(commitment, found)


def opened(of: Heads, slot: int, key: bytearray, sealed: bytes) -> Saved:
    """Return what *slot*, which `is_open`, holds; *sealed* is what lies at `sealed_at`.

    Raises:
        VaultDamaged: a byte of the header or of the slot was changed.
        VaultTooNew: written by a later version.
    """
    salt, _, nonce = _parts(of.slots[slot])
    _, sealing_key = _slot_keys(key, salt)
    try:
        payload = unseal_under(sealing_key, nonce, sealed, bound_to=_binding(of.header, slot))
    except Unopenable:
        raise VaultDamaged("bytes of the vault were changed") from None
    return _parsed(payload)


def written(raw: bytes, slot: int, key: bytearray, saved: Saved, entropy: Entropy) -> bytes:
    """Return *raw* with *saved* in *slot*, drawn anew from end to end, and all else unchanged.

    Raises:
        VaultFull: the content is longer than `MAX_CONTENT_BYTES`.
    """
    if len(raw) != FILE_BYTES:
        raise ValueError("not a whole vault")
    if len(saved.content) > MAX_CONTENT_BYTES:
        raise VaultFull("the content does not fit")
    head = u16(VERSION) + u64(saved.save_count) + u16(saved.pages)
    head += u8(_bits(saved.given)) + u32(len(saved.content))
    head += _bits(saved.stale).to_bytes(MOST_PAGES // 8, "big")
    payload = (head + saved.content).ljust(PAYLOAD_BYTES, b"\0")
    salt = entropy(SLOT_SALT_BYTES)
    commitment, sealing_key = _slot_keys(key, salt)
    nonce = entropy(NONCE_BYTES)
    sealed = seal(sealing_key, payload, bound_to=_binding(raw[:HEADER_BYTES], slot), nonce=nonce)
    begin = _begin(slot)
    return raw[:begin] + salt + commitment + sealed + raw[begin + SLOT_BYTES :]


def _parsed(payload: bytes) -> Saved:
    """Return what an authentic payload says; a later version may have laid it out otherwise."""
    version = int.from_bytes(payload[:2], "big")
    if version > VERSION:
        raise VaultTooNew("written by a later version")
    save_count = int.from_bytes(payload[2:10], "big")
    if version < VERSION:
        length = int.from_bytes(payload[10:14], "big")
        return Saved(save_count, _content(payload, _FIRST_HEADER_BYTES, length), pages=0)
    return Saved(
        save_count,
        _content(payload, PAYLOAD_HEADER_BYTES, int.from_bytes(payload[13:17], "big")),
        pages=int.from_bytes(payload[10:12], "big"),
        given=_numbers(payload[12:13]),
        stale=_numbers(payload[17:PAYLOAD_HEADER_BYTES]),
    )


def _content(payload: bytes, begin: int, length: int) -> memoryview:
    zeros = PAYLOAD_BYTES - begin - length
    if zeros < 0 or payload.count(0, begin + length) != zeros:
        raise VaultDamaged("not what any version writes")
    return memoryview(payload)[begin : begin + length]


def _bits(numbers: Collection[int]) -> int:
    return sum(1 << number for number in numbers)


def _numbers(field: bytes) -> frozenset[int]:
    bits = int.from_bytes(field, "big")
    return frozenset(number for number in range(bits.bit_length()) if bits >> number & 1)


def _parts(head: bytes) -> tuple[bytes, bytes, bytes]:
    """Return salt, commitment and nonce of a slot."""
    commitment_at, nonce_at = SLOT_SALT_BYTES, SLOT_SALT_BYTES + KEY_BYTES
    return head[:commitment_at], head[commitment_at:nonce_at], head[nonce_at:]


def _slot_keys(key: bytearray, salt: bytes) -> tuple[bytes, bytes]:
    """Return a slot's commitment and its sealing key, 32 bytes each.

    HKDF-SHA512 gives both as one 64-byte block, so that two keys with one commitment would be a
    collision of a hash, and the commitment tells nothing of the sealing key.
    """
    both = kdf(salt=salt, ikm=bytes(key), info=_KDF_SLOT, size=2 * KEY_BYTES)
    return both[:KEY_BYTES], both[KEY_BYTES:]


def _binding(header: bytes, slot: int) -> bytes:
    return header + u8(slot)


def _begin(slot: int) -> int:
    return HEADER_BYTES + slot * SLOT_BYTES
