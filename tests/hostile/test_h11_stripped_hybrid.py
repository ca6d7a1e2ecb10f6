"""H11: the hybrid part stripped, an older or newer version offered: refused, in every message.

Where a relay strips or changes anything, both sides have other keys than each other, because the
offer and the answer stand in the transcript as they lay: that is a wrong answer. Where the other
side itself leaves its part out, nothing of it opens.
"""

from dataclasses import replace
from itertools import product
from typing import Final

import pytest

from ojak_client.notices import NoticeKind
from ojak_protocol import conversation as talk
from ojak_protocol import guest as guest_
from ojak_protocol import meeting_keys, meeting_messages
from ojak_protocol.cpace import Isk, Scalar
from ojak_protocol.errors import Malformed, TooNew
from ojak_protocol.kem import CIPHERTEXT_BYTES, PUBLIC_BYTES, SHARED_BYTES, MlKem768
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_keys import BranchKeys, RunName, branch_isk, branch_keys, share_for
from ojak_protocol.meeting_messages import (
    SUITE,
    VERSION,
    Answer,
    Offer,
    decode_answer,
    decode_offer,
)
from ojak_protocol.meeting_places import offer_place, seal_at
from ojak_protocol.offers import offer_of
from tests.client.persons import Clock, guest_of
from tests.hostile.relays import HostileRelay
from tests.people import (
    ALARM,
    DAY,
    ENTROPY,
    KEM,
    RIGHT,
    SEED,
    WRONG,
    boxes_of,
    come,
    look,
    meet,
    new_point,
    newest,
    take,
    texts,
)

OTHER_VERSIONS: Final = [
    pair for pair in product((0, 1, 2, 255), repeat=2) if pair != (VERSION, SUITE)
]
NO_KEY: Final = bytes(PUBLIC_BYTES)
NO_CIPHERTEXT: Final = bytes(CIPHERTEXT_BYTES)


class Stripped(MlKem768):
    """A side that leaves the key encapsulation out, and says so on the wire as best it can."""

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        del public_key
        return bytes(SHARED_BYTES), NO_CIPHERTEXT

    def decapsulate(self, seed: bytes, ciphertext: bytes) -> bytes:
        del seed, ciphertext
        return bytes(SHARED_BYTES)


STRIPPED: Final = Stripped()


# In the meeting


@pytest.mark.parametrize(
    ("ek", "ct"), [(None, NO_CIPHERTEXT), (NO_KEY, None), (NO_KEY, NO_CIPHERTEXT)]
)
def test_h11_an_answer_stripped_of_its_hybrid_part_is_a_wrong_answer(
    ek: bytes | None, ct: bytes | None
) -> None:
    point = new_point(alarm=ALARM)
    attempt = come(point, RIGHT)
    wrong, wrong_visit = take(point, come(point, WRONG))
    answer = attempt.answer
    stripped = replace(answer, ek=ek or answer.ek, ct=ct or answer.ct)
    box = seal_at(SEED, attempt.place, stripped.encode(), entropy=ENTROPY)
    after, visit = take(point, attempt, box=box)
    assert look(attempt, boxes_of(*visit.branches)) is None
    assert (after.counted, after.unconfirmed) == (wrong.counted, wrong.unconfirmed)
    assert len(boxes_of(*visit.branches)) == len(boxes_of(*wrong_visit.branches))


@pytest.mark.parametrize("ek", [NO_KEY, KEM.public_key(bytes(64))])
def test_h11_an_offer_with_another_kem_key_is_answered_by_nothing_that_opens(ek: bytes) -> None:
    point = new_point()
    offer = replace(offer_of(point.offers[0], kem=KEM), ek=ek)

    def attempt() -> guest_.Attempt:
        return guest_.attempt(
            RIGHT, seed=SEED, offer=offer, run=0, until=1 << 40, entropy=ENTROPY, kem=KEM
        )

    if ek == NO_KEY:
        with pytest.raises(Malformed):
            attempt()
        return
    answered = attempt()
    _, visit = take(point, answered)
    assert look(answered, boxes_of(*visit.branches)) is None


def test_h11_a_guest_that_leaves_the_kem_out_is_not_confirmed() -> None:
    point = new_point()
    honest = come(point, RIGHT)
    attempt = guest_.attempt(
        RIGHT, seed=SEED, offer=honest.offer, run=0, until=1 << 40, entropy=ENTROPY, kem=STRIPPED
    )
    _, visit = take(point, attempt)
    assert look(attempt, boxes_of(*visit.branches)) is None


def test_h11_a_zero_kem_key_would_show_the_secret_and_is_no_key() -> None:
    with pytest.raises(Malformed):
        KEM.encapsulate(NO_KEY)
    with pytest.raises(Malformed):
        KEM.encapsulate(NO_KEY[:-32] + b"s" * 32)


# In the ratchet


@pytest.mark.parametrize("reader", [KEM, STRIPPED], ids=["checks", "planted"])
def test_h11_a_chain_whose_writer_left_the_kem_out_opens_for_nobody_who_does_not(
    reader: MlKem768,
) -> None:
    pair = meet()
    body = Body(Kind.TEXT, "편지")
    writer = talk.write(pair.guest, body, reference=1, entropy=ENTROPY, kem=STRIPPED)
    place, box = newest(writer)
    after, events = talk.receive(pair.host, place, box, kem=reader)
    # A reader without the check is the planted fault: it would be talked down to X25519 alone.
    assert texts(events) == (["편지"] if reader is STRIPPED else [])
    assert (after is pair.host) == (reader is KEM)


# Versions


@pytest.mark.parametrize(("version", "suite"), OTHER_VERSIONS)
def test_h11_another_version_or_suite_is_refused_by_name_in_offer_and_answer(
    version: int, suite: int
) -> None:
    attempt = come(new_point(), RIGHT)
    head = bytes([version, suite])
    with pytest.raises(TooNew):
        decode_offer(head + attempt.offer.encode()[2:])
    with pytest.raises(TooNew):
        decode_answer(head + attempt.answer.encode()[2:])


@pytest.mark.parametrize(("version", "suite"), OTHER_VERSIONS)
def test_h11_an_offer_of_another_version_is_told_and_nothing_is_answered(
    version: int, suite: int, relay: HostileRelay, clock: Clock
) -> None:
    place = offer_place(SEED, 1, DAY, 0)
    honest = offer_of(new_point().offers[0], kem=KEM).encode()
    relay.put(place, seal_at(SEED, place, bytes([version, suite]) + honest[2:], entropy=ENTROPY))
    guest = guest_of(relay, clock)
    guest.sync()
    assert guest.kinds() == [NoticeKind.TOO_NEW]
    assert not [deposit for one in relay.arrived[1:] for deposit in one.deposits]


@pytest.mark.parametrize(("version", "suite"), OTHER_VERSIONS)
def test_h11_an_answer_of_another_version_is_a_wrong_answer(version: int, suite: int) -> None:
    point = new_point()
    attempt = come(point, RIGHT)
    message = bytes([version, suite]) + attempt.answer.encode()[2:]
    after, visit = take(point, attempt, box=seal_at(SEED, attempt.place, message, entropy=ENTROPY))
    assert after.unconfirmed == 1
    assert look(attempt, boxes_of(*visit.branches)) is None


SCALARS: Final = (Scalar(b"h" * 32), Scalar(b"g" * 32))


def keys_of_one_run(run: int = 0) -> tuple[bytes, Isk, BranchKeys]:
    """A share, the CPace key and the keys of a branch, all from the same secrets each time."""
    name = RunName(SEED, b"n" * 32, 1, run)
    host, guest = (share_for(name, 0, prs=RIGHT, scalar=scalar) for scalar in SCALARS)
    offer = Offer(1, b"n" * 32, b"k" * PUBLIC_BYTES, ((host, host),) * 4)
    answer = Answer(b"a" * 32, 0, (guest, guest), b"d" * 32, NO_KEY, NO_CIPHERTEXT)
    isk = branch_isk(
        name, 0, scalar=SCALARS[0], offer=offer, answer=answer, entropy=ENTROPY, host=True
    )
    return host, isk, branch_keys(isk, b"s" * 32, offer=offer, run=run, answer=answer, j=0)


@pytest.mark.parametrize("name", ["VERSION", "SUITE"])
def test_h11_version_and_suite_stand_in_the_transcript(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, isk, keys = keys_of_one_run()
    assert keys_of_one_run()[1:] == (isk, keys)
    monkeypatch.setattr(meeting_messages, name, 2)
    _, other_isk, other_keys = keys_of_one_run()
    assert other_isk != isk
    assert_nothing_in_common(keys, other_keys)


def test_h11_the_name_of_the_suite_stands_in_every_share(monkeypatch: pytest.MonkeyPatch) -> None:
    share, isk, keys = keys_of_one_run()
    monkeypatch.setattr(meeting_keys, "SUITE_NAME", b"ojak-2")
    other_share, other_isk, other_keys = keys_of_one_run()
    assert (share != other_share, isk != other_isk) == (True, True)
    assert_nothing_in_common(keys, other_keys)


def test_h11_without_the_secret_of_the_kem_all_keys_of_a_branch_are_others() -> None:
    _, isk, keys = keys_of_one_run()
    attempt = come(new_point(), RIGHT)
    made = [
        branch_keys(isk, shared, offer=attempt.offer, run=0, answer=attempt.answer, j=0)
        for shared in (b"s" * 32, bytes(32), b"")
    ]
    for one, other in ((made[0], made[1]), (made[0], made[2]), (made[1], made[2]), (keys, made[0])):
        assert_nothing_in_common(one, other)


def assert_nothing_in_common(one: BranchKeys, other: BranchKeys) -> None:
    assert set(all_of(one)).isdisjoint(all_of(other))


def all_of(keys: BranchKeys) -> tuple[bytes, ...]:
    return (keys.root, keys.ck_guest, keys.mbk_guest, keys.next_mbk_guest, keys.mbk_host)
