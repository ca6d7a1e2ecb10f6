"""Everything a relay records of visits, by seed, and ways in which a visit could leak its answers.

The attacker has more than a relay has: the number, and every KEM secret, as if a quantum computer
had found them. What is left to hide the answers is CPace alone. Argon2id is left out too: the
attacker tries words at no cost.
"""

import hashlib
import random
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from nacl.bindings import crypto_core_ed25519_from_uniform, crypto_sign_ed25519_pk_to_curve25519

from ojak_protocol import cpace, visits
from ojak_protocol import guest as guest_
from ojak_protocol.addresses import MailboxId
from ojak_protocol.chains import MailboxKey, place_at
from ojak_protocol.cpace import Isk, Share
from ojak_protocol.kem import CIPHERTEXT_BYTES, PUBLIC_BYTES, SHARED_BYTES
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_keys import RunName, branch_keys
from ojak_protocol.meeting_messages import Answer, Offer
from ojak_protocol.meeting_places import RUNS
from ojak_protocol.offers import LaidOffer, make_offer, offer_of
from ojak_protocol.primitives import Entropy, blake2b, lv, u8
from ojak_protocol.stretch import Seed
from ojak_protocol.visits import AnsweredRun, Letter

SEED: Final = Seed(b"n" * 32)
SET: Final = 1
DAY: Final = 20_000


class Leak(Enum):
    """How answers could get out; all but the first are planted."""

    NONE = "none"
    PLACE = "an address made from the answers"
    KEY = "keys made from the answers without CPace"
    SCALAR = "a share made with a small scalar"
    NONCE = "a nonce that begins with bits of the answers"


def word(number: int) -> bytes:
    """What word *number* of the dictionary is stretched to."""
    return hashlib.sha256(b"word %d" % number).digest()


class OpenKem:
    """A KEM that hides nothing: its shared secret stands in the ciphertext for all to read."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy

    def public_key(self, seed: bytes) -> bytes:
        return hashlib.shake_256(seed).digest(PUBLIC_BYTES)

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        del public_key
        shared = self._entropy(SHARED_BYTES)
        return shared, shared.ljust(CIPHERTEXT_BYTES, b"\0")

    def decapsulate(self, seed: bytes, ciphertext: bytes) -> bytes:
        del seed
        return ciphertext[:SHARED_BYTES]


@dataclass(frozen=True)
class Recorded:
    """One visit as the attacker has it: what was sealed with the number is open."""

    offer: Offer
    run: int
    answer: Answer
    places: tuple[MailboxId, ...]
    """Of all that was polled and deposited, in the order of the wire."""
    boxes: tuple[bytes, ...]

    @property
    def shares(self) -> tuple[Share, ...]:
        """The four shares of the run."""
        return (*self.offer.shares[self.run], *self.answer.shares)

    @property
    def shared(self) -> bytes:
        """The KEM's secret."""
        return self.answer.ct[:SHARED_BYTES]

    @property
    def beginnings(self) -> tuple[bytes, ...]:
        """The first 32 bytes of each box: its nonce, and where the sealed part begins."""
        return tuple(box[:32] for box in self.boxes)


def name_of(number: int) -> RunName:
    """The run that visit *number* answers; four follow each other in one offer.

    Nonces of offers are public, and here the same in each repetition: what an attacker computes
    for a word and a visit before he sees the shares is thereby computed once for all of them.
    """
    offer, run = divmod(number, RUNS)
    return RunName(SEED, hashlib.sha256(b"offer %d" % offer).digest(), SET, run)


def visits_of(
    prs: bytes, count: int, *, drawn: random.Random, leak: Leak = Leak.NONE
) -> list[Recorded]:
    """What is recorded of *count* visits with one number, of people who both know *prs*."""
    entropy = drawn.randbytes
    recorded: list[Recorded] = []
    for number in range(count):
        if number % RUNS == 0:
            laid = _laid(number, prs, entropy)
        if leak is Leak.SCALAR:
            laid = _with_small_scalar(laid, number, prs)
        recorded.append(_leaking(_visit(laid, number % RUNS, prs, entropy), leak, number, prs))
    return recorded


def _visit(laid: LaidOffer, run: int, prs: bytes, entropy: Entropy) -> Recorded:
    kem = OpenKem(entropy)
    offer = offer_of(laid, kem=kem)
    attempt = guest_.attempt(
        prs, seed=SEED, offer=offer, run=run, until=1 << 40, entropy=entropy, kem=kem
    )
    greeting = Body(Kind.GREETING)
    taken = visits.open_visit(
        AnsweredRun(SEED, laid, run),
        attempt.answer,
        letters=(Letter(0, greeting, greeting),),
        now=0,
        entropy=entropy,
        kem=kem,
    )
    written = [out for branch in taken.branches for out in branch.outbox]
    places = (*guest_.places(attempt), *visits.places(taken), *(out.place.id for out in written))
    boxes = (attempt.box, *(out.box for out in written))
    return Recorded(offer, run, attempt.answer, places, boxes)


def _laid(number: int, right: bytes, entropy: Entropy) -> LaidOffer:
    """An offer whose nonce is given and all else drawn; without an alarm word, as most are."""
    pending = [name_of(number).offer_nonce]

    def draw(size: int) -> bytes:
        return pending.pop() if pending else entropy(size)

    return make_offer(SEED, set_number=SET, day=DAY, n=0, words=(right, None), entropy=draw)


def generator(number: int, j: int, prs: bytes) -> bytes:
    """CPace's generator times 8, as an Edwards point, for branch *j* of visit *number*."""
    name = name_of(number)
    string = cpace._generator_string(prs, name.ci(), name.sid(j))  # noqa: SLF001 - the attacker reads the code
    digest = bytearray(hashlib.sha512(string).digest()[:32])
    digest[31] &= 0x7F
    return crypto_core_ed25519_from_uniform(bytes(digest))


def place_of_key(isk: bytes, record: Recorded, j: int) -> MailboxId:
    """Where the host's first box of branch *j* lies if *isk* is its CPace key."""
    keys = branch_keys(
        Isk(isk), record.shared, offer=record.offer, run=record.run, answer=record.answer, j=j
    )
    return place_at(MailboxKey(keys.mbk_host), 0).id


def place_of_word(number: int, prs: bytes) -> MailboxId:
    """An address that follows from number, visit and answers, as no address may."""
    name = name_of(number)
    return MailboxId(blake2b(b"meet", lv(SEED, b"answer", prs, name.offer_nonce, u8(name.run))))


def key_of_word(prs: bytes) -> bytes:
    """A CPace key as it would be if CPace were a hash of the answers."""
    return hashlib.sha512(prs).digest()


def _with_small_scalar(laid: LaidOffer, number: int, right: bytes) -> LaidOffer:
    """The offer with the share of the right answers made with the scalar 8, the smallest."""
    run = laid.runs[number % RUNS]
    small = Share(crypto_sign_ed25519_pk_to_curve25519(generator(number, run.coin, right)))
    shares = (small, run.shares[1]) if run.coin == 0 else (run.shares[0], small)
    runs = tuple(replace(one, shares=shares) if one is run else one for one in laid.runs)
    return replace(laid, runs=runs)


def _leaking(record: Recorded, leak: Leak, number: int, prs: bytes) -> Recorded:
    places, boxes = list(record.places), list(record.boxes)
    match leak:
        case Leak.PLACE:
            places[-1] = place_of_word(number, prs)
        case Leak.KEY:
            places[0] = place_of_key(key_of_word(prs), record, 0)
        case Leak.NONCE:
            boxes[0] = prs[:4] + boxes[0][4:]
        case _:
            pass
    return replace(record, places=tuple(places), boxes=tuple(boxes))
