"""The number and the answers are made costly to try before anything else is made from them.

Without that cost all 10^11 numbers could be tried in minutes. The seed comes from the number
alone, so every address of a meeting comes from what a stranger may know and never from the
answers. The answers are bound by their order and their set, all in one secret.

The parameters belong to the version and are never read from the wire.

Source: docs/protocol.md, "Number and answers"; RFC 9106.
"""

from collections.abc import Callable
from typing import Final, NewType

from ojak_protocol.answers import FORM_NAME, Answers
from ojak_protocol.errors import LocalError
from ojak_protocol.labels import H_ANSWERS_SALT, H_NUMBER_SALT, SUITE_NAME
from ojak_protocol.number import Number
from ojak_protocol.primitives import blake2b, lv, u32

Stretch = Callable[[bytes, bytes], bytes]
"""Make 32 bytes from a secret and a salt of 16 bytes, slowly; `argon2id` outside of tests."""

Seed = NewType("Seed", bytes)
"""32 bytes from the number: as public as the number is, but costly to try."""

Prs = NewType("Prs", bytes)
"""32 bytes from the answers, secret: what CPace proves to be common."""

SALT_BYTES: Final = 16
STRETCHED_BYTES: Final = 32
MEMORY_KIB: Final = 64 * 1024
PASSES: Final = 3
LANES: Final = 1
"""One lane, because libsodium knows no other, and both must give the same bytes."""


def argon2id(secret: bytes, salt: bytes) -> bytes:
    """Return 32 bytes of Argon2id with 64 MiB, 3 passes and one lane (about 0.2 s of one core).

    From the bindings that argon2-cffi is made on: it takes ten times as long to load, and leaves a
    copy of *secret* and of the result in memory. See docs/decisions/0197.

    Raises:
        LocalError: *salt* is not 16 bytes.
        MemoryError: there are no 64 MiB; or *secret* has 4 GiB or more, which nobody types.

    Source: RFC 9106.
    """
    from _argon2_cffi_bindings import ffi, lib  # noqa: PLC0415 - for meetings and vaults only

    if len(salt) != SALT_BYTES:
        raise LocalError("a salt has 16 bytes")
    stretched = bytearray(STRETCHED_BYTES)
    failed = lib.argon2_hash(
        PASSES,
        MEMORY_KIB,
        LANES,
        secret,
        len(secret),
        salt,
        len(salt),
        ffi.from_buffer(stretched, require_writable=True),
        len(stretched),
        ffi.NULL,
        0,
        lib.Argon2_id,
        lib.ARGON2_VERSION_NUMBER,
    )
    # All else that can go wrong is about lengths and parameters, which are the same each time. Only
    # the secret's length is not: Argon2 refuses one of 2^32 bytes or more before it does anything,
    # and what callers give is a number, or was typed: a few KB at most.
    if failed:
        raise MemoryError("no 64 MiB to stretch in")
    key = bytes(stretched)
    stretched[:] = bytes(len(stretched))
    return key


def number_seed(number: Number, stretch: Stretch) -> Seed:
    """Return the seed of the meeting point that *number* names, 32 bytes.

    Source: docs/protocol.md, "Number and answers": Argon2id(digits, H16("number-salt", "")).
    """
    return Seed(stretch(number.encode(), blake2b(H_NUMBER_SALT, b"", size=SALT_BYTES)))


def answers_prs(seed: Seed, set_number: int, answers: Answers, stretch: Stretch) -> Prs:
    """Return what both sides have in common if their three answers are the same, 32 bytes.

    Args:
        seed: of `number_seed`; as salt it makes a table for one meeting useless for the next.
        set_number: which agreed set of questions the answers belong to, 0 to 2^32 - 1.
        answers: of `answers_of`.
        stretch: `argon2id`.

    Raises:
        LocalError: *set_number* is out of its range.

    Source: docs/protocol.md, "Number and answers".
    """
    if not 0 <= set_number < 1 << 32:
        raise LocalError("a set number has four bytes")
    secret = lv(
        SUITE_NAME,
        FORM_NAME,
        u32(set_number),
        answers.first,
        answers.second,
        answers.third,
    )
    return Prs(stretch(secret, blake2b(H_ANSWERS_SALT, seed, size=SALT_BYTES)))
