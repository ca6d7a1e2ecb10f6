"""H8: points of low order, non-canonical ones, cut ciphertexts, parts swapped: a wrong answer.

Both for the host, whom a guest sends them, and for the guest, whom a relay with the number sends
them; and in the ratchet, where only a peer could. What is refused leaves no key that anybody
could compute: the attacker here computes the key that the zero product would have given.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from nacl.bindings import crypto_scalarmult
from nacl.exceptions import CryptoError

from ojak_client.notices import NoticeKind
from ojak_protocol import cpace, ratchet
from ojak_protocol import guest as guest_
from ojak_protocol.box import Header, TurnKeys
from ojak_protocol.chains import place_at
from ojak_protocol.cpace import Isk, Share
from ojak_protocol.errors import Malformed
from ojak_protocol.guest import Attempt
from ojak_protocol.kem import CIPHERTEXT_BYTES
from ojak_protocol.meeting_keys import RunName, branch_keys
from ojak_protocol.meeting_messages import Answer, Offer
from ojak_protocol.meeting_places import offer_place, seal_at
from ojak_protocol.offers import LaidOffer, offer_of
from ojak_protocol.primitives import lv
from ojak_protocol.visits import Visit
from tests.client.persons import Clock, guest_of
from tests.hostile.relays import HostileRelay
from tests.people import (
    ALARM,
    CLOCK,
    DAY,
    ENTROPY,
    KEM,
    RIGHT,
    SEED,
    WRONG,
    boxes_of,
    come,
    forged,
    heard,
    look,
    meet,
    new_point,
    newest,
    said,
    take,
    texts,
)

POINTS: Final = json.loads((Path(__file__).parent.parent / "vectors" / "cpace.json").read_text())
LOW_ORDER: Final = [
    Share(bytes.fromhex(one["point"])) for one in POINTS["points"] if one["expect"] == "refused"
]
"""All seven encodings of low order, the identity and non-canonical ones among them."""


def twin(point: bytes) -> bytes:
    """Another encoding of the same point: bit 255 is ignored."""
    return point[:31] + bytes([point[31] ^ 0x80])


def shape(visit: Visit) -> list[list[int]]:
    return [[len(out.box) for out in branch.outbox] for branch in visit.branches]


def ruined(answer: Answer) -> dict[str, Answer]:
    """The answer of somebody who knows the right words, with something in it that is no good."""
    first, second = answer.shares
    changed: dict[str, Answer] = {}
    for number, point in enumerate(LOW_ORDER):
        changed |= {
            f"low order {number} in both": replace(answer, shares=(point, point)),
            f"low order {number} in the first": replace(answer, shares=(point, second)),
            f"low order {number} in the second": replace(answer, shares=(first, point)),
            f"low order {number} as dh": replace(answer, dh=bytes(point)),
            f"low order {number} with bit 255 as dh": replace(answer, dh=twin(point)),
        }
    return changed | {
        "shares encoded otherwise": replace(
            answer, shares=(Share(twin(first)), Share(twin(second)))
        ),
        "dh encoded otherwise": replace(answer, dh=twin(answer.dh)),
        "dh and kem key swapped": replace(answer, dh=answer.ek[:32], ek=answer.dh + answer.ek[32:]),
        "kem key and ciphertext swapped": replace(
            answer, ek=answer.ct + answer.ek[:96], ct=answer.ek[:CIPHERTEXT_BYTES]
        ),
        "ciphertext cut": replace(answer, ct=answer.ct[:-1]),
        "ciphertext cut and filled": replace(answer, ct=answer.ct[:-1] + b"\0"),
        "kem key cut": replace(answer, ek=answer.ek[:-1]),
        "numbers beyond the modulus": replace(answer, ek=b"\xff" * 1184),
    }


@pytest.mark.parametrize("how", ruined(come(new_point(), RIGHT).answer))
def test_h8_a_host_sends_as_much_and_counts_as_much_as_for_a_wrong_answer(how: str) -> None:
    point = new_point(alarm=ALARM)
    attempt = come(point, RIGHT)
    while not attempt.answer.ct[-1]:
        # Cut off, a zero would be put back by the padding, and the answer be as it was.
        attempt = come(point, RIGHT)
    wrong, wrong_visit = take(point, come(point, WRONG))
    box = seal_at(SEED, attempt.place, ruined(attempt.answer)[how].encode(), entropy=ENTROPY)
    after, visit = take(point, attempt, box=box)
    assert shape(visit) == shape(wrong_visit)
    assert (after.counted, after.unconfirmed) == (wrong.counted, wrong.unconfirmed)
    assert [laid.open_runs for laid in after.offers] == [laid.open_runs for laid in wrong.offers]
    # One share may be left as it was: its branch is then honest, and the only one that opens.
    if " in the " not in how:
        assert look(attempt, boxes_of(*visit.branches)) is None


def zero_product(name: RunName, j: int, offer: Offer, answer: Answer) -> Isk:
    """The key that everybody knows if a zero product is not refused."""
    transcript = lv(offer.shares[name.run][j], offer.encode())
    transcript += lv(answer.shares[j], answer.without_shares())
    return Isk(hashlib.sha512(lv(b"CPace255_ISK", name.sid(j), bytes(32)) + transcript).digest())


def known_places(offer: Offer, answer: Answer, shared: bytes) -> set[bytes]:
    """Where an attacker finds the host's first boxes if a zero product is not refused."""
    name = RunName(SEED, offer.nonce, offer.set_number, 0)
    return {
        place_at(
            branch_keys(
                zero_product(name, j, offer, answer), shared, offer=offer, run=0, answer=answer, j=j
            ).mbk_host,
            0,
        ).id
        for j in (0, 1)
    }


def is_known_of_a_host(point: Share) -> bool:
    """Whether an attacker knows where the host writes who answered with *point*."""
    meeting = new_point(alarm=ALARM)
    attempt = come(meeting, WRONG)
    shared, ct = KEM.encapsulate(attempt.offer.ek)
    answer = replace(attempt.answer, shares=(point, point), ct=ct)
    box = seal_at(SEED, attempt.place, answer.encode(), entropy=ENTROPY)
    _, visit = take(meeting, attempt, box=box)
    return not known_places(attempt.offer, answer, shared).isdisjoint(boxes_of(*visit.branches))


def offered(laid: LaidOffer, point: Share) -> tuple[Offer, Attempt]:
    """An offer of somebody with the number whose shares are *point*, and a guest's answer."""
    offer = replace(offer_of(laid, kem=KEM), shares=((point, point),) * 4)
    attempt = guest_.attempt(
        RIGHT, seed=SEED, offer=offer, run=0, until=CLOCK + 60, entropy=ENTROPY, kem=KEM
    )
    return offer, attempt


def is_known_of_a_guest(point: Share) -> bool:
    """Whether an attacker knows where the guest looks to whom *point* was offered."""
    laid = new_point().offers[0]
    offer, attempt = offered(laid, point)
    shared = KEM.decapsulate(laid.kem_seed, attempt.answer.ct)
    return not known_places(offer, attempt.answer, shared).isdisjoint(guest_.places(attempt))


def unchecked(scalar: bytes, point: bytes) -> bytes:
    """X25519 as it is without a look at what came out."""
    try:
        return crypto_scalarmult(scalar, point)
    except CryptoError:
        return bytes(32)


@pytest.mark.parametrize("known", [is_known_of_a_host, is_known_of_a_guest])
@pytest.mark.parametrize("point", LOW_ORDER, ids=lambda point: point.hex()[:4] + point.hex()[-4:])
def test_h8_a_point_of_low_order_gives_no_key_that_anybody_knows(
    point: Share, known: Callable[[Share], bool]
) -> None:
    assert not known(point)


@pytest.mark.parametrize("known", [is_known_of_a_host, is_known_of_a_guest])
def test_h8_without_the_check_an_attacker_would_know_the_keys(
    known: Callable[[Share], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpace, "crypto_scalarmult", unchecked)
    assert known(LOW_ORDER[0])


def test_h8_a_guest_looks_and_lays_as_much_as_for_a_right_offer_and_nothing_opens() -> None:
    point = new_point()
    honest = come(point, RIGHT)
    for share in (*LOW_ORDER, Share(twin(honest.offer.shares[0][0]))):
        _, attempt = offered(point.offers[0], share)
        assert len(guest_.places(attempt)) == len(guest_.places(honest))
        assert len(attempt.box) == len(honest.box)
        after, visit = take(point, attempt)
        assert after.unconfirmed == 1
        assert look(attempt, boxes_of(*visit.branches)) is None


def test_h8_a_guest_reads_of_a_ruined_offer_what_it_reads_of_wrong_answers(
    relay: HostileRelay, clock: Clock
) -> None:
    laid = new_point().offers[0]
    place = offer_place(SEED, 1, DAY, 0)
    offer = replace(offer_of(laid, kem=KEM), shares=((LOW_ORDER[0], LOW_ORDER[1]),) * 4)
    relay.put(place, seal_at(SEED, place, offer.encode(), entropy=ENTROPY))
    guest = guest_of(relay, clock)
    guest.sync()
    visiting = guest.contact.visiting
    assert visiting is not None
    assert visiting.attempt is not None
    relay.put(visiting.attempt.seen_at, os.urandom(4000))
    for _ in range(3):
        guest.sync()
    assert guest.kinds() == [NoticeKind.OFFER_FOUND, NoticeKind.ANSWER_SEEN]
    assert guest.contact.lines == ()


@pytest.mark.parametrize("ek", [b"\xff" * 1184, bytes(1184)])
def test_h8_an_offer_whose_kem_key_is_none_is_not_answered(
    ek: bytes, relay: HostileRelay, clock: Clock
) -> None:
    place = offer_place(SEED, 1, DAY, 0)
    offer = replace(offer_of(new_point().offers[0], kem=KEM), ek=ek)
    relay.put(place, seal_at(SEED, place, offer.encode(), entropy=ENTROPY))
    guest = guest_of(relay, clock)
    guest.sync()
    assert guest.kinds() == []
    assert not [deposit for one in relay.arrived[1:] for deposit in one.deposits]


# The ratchet: only the peer holds the header key, and even it gets no chain that way


def ruined_headers(keys: TurnKeys) -> dict[str, TurnKeys]:
    return {
        **{f"low order {n}": replace(keys, dh=bytes(point)) for n, point in enumerate(LOW_ORDER)},
        **{f"twin of {n}": replace(keys, dh=twin(point)) for n, point in enumerate(LOW_ORDER)},
        "dh encoded otherwise": replace(keys, dh=twin(keys.dh)),
        "dh and kem key swapped": replace(keys, dh=keys.ek[:32], ek=keys.dh + keys.ek[32:]),
        "kem key and ciphertext swapped": replace(
            keys, ek=keys.ct + keys.ek[:96], ct=keys.ek[:CIPHERTEXT_BYTES]
        ),
        "ciphertext cut": replace(keys, ct=keys.ct[:-1]),
        "ciphertext cut and filled": replace(keys, ct=keys.ct[:-1] + b"\0"),
        "ciphertext of zeros": replace(keys, ct=bytes(CIPHERTEXT_BYTES)),
        "kem key of zeros": replace(keys, ek=bytes(1184)),
        "numbers beyond the modulus": replace(keys, ek=b"\xff" * 1184),
    }


NO_KEYS: Final = TurnKeys(bytes(32), bytes(1184), bytes(CIPHERTEXT_BYTES))


@pytest.mark.parametrize("how", ruined_headers(NO_KEYS))
def test_h8_a_new_chain_with_ruined_keys_is_left_alone_and_the_honest_one_opens(how: str) -> None:
    pair = meet()
    writer = said(pair.guest, "편지")

    def change(header: Header) -> Header:
        return replace(header, keys=ruined_headers(header.keys)[how])

    assert heard(pair.host, *forged(writer, change)) == (pair.host, ())
    after, events = heard(pair.host, *newest(writer))
    assert texts(events) == ["편지"]
    # And the reader can go on writing.
    assert newest(said(after, "답"))


@pytest.mark.parametrize("checked", [True, False])
def test_h8_a_peer_that_leaves_the_dh_out_of_its_step_is_refused_by_the_check_alone(
    monkeypatch: pytest.MonkeyPatch, *, checked: bool
) -> None:
    pair = meet()
    with monkeypatch.context() as patched:
        patched.setattr(ratchet, "crypto_scalarmult", lambda *_: bytes(32))
        patched.setattr(ratchet, "crypto_scalarmult_base", lambda _: bytes(32))
        writer = said(pair.guest, "편지")
    if not checked:
        monkeypatch.setattr(ratchet, "crypto_scalarmult", unchecked)
    after, events = heard(pair.host, *newest(writer))
    assert (after is pair.host) == checked
    assert texts(events) == ([] if checked else ["편지"])


@pytest.mark.parametrize("size", [0, 1, 1087, 1089])
def test_h8_a_ciphertext_of_another_length_is_refused_before_any_secret(size: int) -> None:
    with pytest.raises(Malformed):
        KEM.decapsulate(os.urandom(64), os.urandom(size))
