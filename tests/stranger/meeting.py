"""What both sides of a meeting compute: places, offer, answer, keys of the branches.

Written from docs/protocol.md alone, sections "The meeting point" to "Keys of a meeting".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .answers import number, stretch
from .wire import (
    blake,
    generator,
    isk,
    kdf,
    lv,
    seal,
    sha512,
    u,
    unseal,
    x25519,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY, RUNS = 86_400, 4
HEAD = bytes([1, 1])  # version and suite
NO_CT = bytes(1088)


# --- The meeting point, Offer and answer ----------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """A meeting point: what the number gives, and what the answers give."""

    set: int
    seed: bytes = field(repr=False)
    prs: bytes = field(repr=False)

    @classmethod
    def of(cls, typed: str, answers: Sequence[str], set_number: int = 1) -> Point:
        return cls(set_number, *stretch(number(typed), answers, set_number))

    def place(self, kind: str, *parts: bytes) -> bytes:
        return blake("meet", lv(self.seed, kind.encode(), *parts))

    def offer_place(self, day: int, n: int) -> bytes:
        return self.place("offer", u(self.set, 32), u(day, 32), u(n, 8))

    def run_place(self, kind: str, nonce_a: bytes, run: int) -> bytes:
        return self.place(kind, nonce_a, u(run, 8))

    def box(self, place: bytes, message: bytes, nonce: bytes | None = None) -> bytes:
        return seal(blake("meet-seal", self.seed), message.ljust(3960, b"\0"), place, nonce)

    def unbox(self, place: bytes, box: bytes | int, size: int) -> bytes | None:
        """The message of *size* bytes that lies at *place*, if there is one."""
        filled = isinstance(box, bytes) and unseal(blake("meet-seal", self.seed), box, place)
        if not filled or any(filled[size:]) or filled[:2] != HEAD:
            return None
        return filled[:size]

    @property
    def ci(self) -> bytes:
        return lv(b"ojak-1", b"host", b"guest", b"ko-fold-1", u(self.set, 32))

    def sid(self, nonce_a: bytes, run: int, j: int) -> bytes:
        return blake("sid", lv(self.seed, nonce_a, u(run, 8), u(j, 8)))

    def share(self, prs: bytes, scalar: bytes, nonce_a: bytes, run: int, j: int) -> bytes:
        return x25519(scalar, generator(prs, self.ci, self.sid(nonce_a, run, j)))


@dataclass(frozen=True)
class Offer:
    """1478 bytes of a host: `u8 version ‖ u8 suite ‖ u32 set ‖ nonce_a ‖ ek_h ‖ 8 shares`."""

    message: bytes

    @property
    def set(self) -> int:
        return int.from_bytes(self.message[2:6], "big")

    @property
    def nonce_a(self) -> bytes:
        return self.message[6:38]

    @property
    def ek_h(self) -> bytes:
        return self.message[38:1222]

    def ya(self, run: int, j: int) -> bytes:
        start = 1222 + 64 * run + 32 * j
        return self.message[start : start + 32]


@dataclass(frozen=True)
class Answer:
    """2410 bytes of a guest: `version ‖ suite ‖ nonce_b ‖ u64 until ‖ 2 shares ‖ dh ‖ ek ‖ ct`."""

    message: bytes

    @property
    def until(self) -> int:
        return int.from_bytes(self.message[34:42], "big")

    def yb(self, j: int) -> bytes:
        return self.message[42 + 32 * j : 74 + 32 * j]

    @property
    def keys(self) -> bytes:
        return self.message[106:1322]

    @property
    def ct(self) -> bytes:
        return self.message[1322:]

    @property
    def bound(self) -> bytes:
        """ADb: everything but the two shares."""
        return self.message[:42] + self.message[106:]


@dataclass(frozen=True)
class Branch:
    """The keys of one branch of a meeting."""

    root: bytes
    ck_guest: bytes
    mbk_guest: bytes
    next_mbk_guest: bytes
    mbk_host: bytes


def branch(  # each argument is a value of the formula
    point: Point, offer: Offer, answer: Answer, run: int, j: int, k: bytes, ss: bytes
) -> Branch:
    shared = isk(
        point.sid(offer.nonce_a, run, j),
        k,
        offer.ya(run, j),
        offer.message,
        answer.yb(j),
        answer.bound,
    )
    return keys_of(offer, answer, run, j, shared + ss)


def keys_of(offer: Offer, answer: Answer, run: int, j: int, ikm: bytes) -> Branch:
    th = sha512(lv(offer.message, u(run, 8), answer.message))
    return Branch(*kdf(th, ikm, b"meet" + u(j, 8), 160))
