"""The guest: finds the offer, answers one run, and knows its family by the box that opens."""

import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_protocol import conversation as talk
from ojak_protocol import guest as guest_
from ojak_protocol.addresses import BOX_BYTES
from ojak_protocol.cpace import Scalar, Share
from ojak_protocol.errors import Malformed, RemoteError, TooNew
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_keys import RunName, share_for
from ojak_protocol.meeting_messages import Offer
from ojak_protocol.meeting_places import offer_place, seal_at, seen_place
from ojak_protocol.offers import offer_box, offer_of
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
    collected,
    come,
    confirm,
    heard,
    holds,
    look,
    new_point,
    receipt,
    said,
    take,
    texts,
)

PLACE = offer_place(SEED, 1, DAY, 0)
POINT = new_point()
OFFER = offer_of(POINT.offers[0], kem=KEM)

LEFT = Body(Kind.TEXT, "left")


def test_offers_are_looked_for_today_tomorrow_and_yesterday_the_highest_first() -> None:
    assert guest_.offer_places(SEED, 1, DAY) == tuple(
        offer_place(SEED, 1, day, n) for day in (DAY, DAY + 1, DAY - 1) for n in (2, 1, 0)
    )


@pytest.mark.parametrize("day", [0, 2**32 - 1, 2**32, 2**64])
def test_no_clock_stops_the_guest(day: int) -> None:
    places = guest_.offer_places(SEED, 1, day)
    assert len(set(places)) == len(places) <= 9


def test_an_offer_is_read_and_only_at_its_place_and_for_its_set() -> None:
    box = offer_box(SEED, POINT.offers[0], kem=KEM)
    assert guest_.read_offer(SEED, PLACE, box, set_number=1) == OFFER
    with pytest.raises(RemoteError):
        guest_.read_offer(SEED, offer_place(SEED, 1, DAY, 1), box, set_number=1)
    with pytest.raises(Malformed):
        guest_.read_offer(SEED, PLACE, box, set_number=2)


@given(st.one_of(st.binary(max_size=60), st.binary(min_size=BOX_BYTES, max_size=BOX_BYTES)))
@settings(max_examples=30)
def test_arbitrary_bytes_are_no_offer(box: bytes) -> None:
    with pytest.raises(RemoteError):
        guest_.read_offer(SEED, PLACE, box, set_number=1)


@given(st.binary(min_size=1478, max_size=1478))
@settings(max_examples=20)
def test_arbitrary_bytes_under_the_numbers_key_are_an_offer_or_a_remote_error(data: bytes) -> None:
    for message in (data, b"\1\1\0\0\0\1" + data[6:]):
        box = seal_at(SEED, PLACE, message, entropy=ENTROPY)
        try:
            offer = guest_.read_offer(SEED, PLACE, box, set_number=1)
            attempt(offer)
        except RemoteError:
            continue


def test_an_offer_of_a_later_version_is_too_new() -> None:
    box = seal_at(SEED, PLACE, b"\2" + OFFER.encode()[1:], entropy=ENTROPY)
    with pytest.raises(TooNew):
        guest_.read_offer(SEED, PLACE, box, set_number=1)


def attempt(offer: Offer, typed: bytes = RIGHT) -> guest_.Attempt:
    return guest_.attempt(
        typed, seed=SEED, offer=offer, run=0, until=CLOCK, entropy=ENTROPY, kem=KEM
    )


def test_an_offer_with_odd_shares_can_be_answered_and_opens_nothing() -> None:
    for odd in (Share(bytes(32)), Share(b"\1" + bytes(31)), Share(b"\xff" * 32)):
        offer = replace(OFFER, shares=((odd, odd),) * 4)
        made = attempt(offer)
        assert len(made.box) == BOX_BYTES
        again = attempt(offer)
        assert made.answer.shares != again.answer.shares


def test_an_offer_whose_kem_key_is_none_is_malformed() -> None:
    with pytest.raises(Malformed):
        attempt(replace(OFFER, ek=b"\xff" * 1184))


def test_the_two_shares_of_an_answer_come_from_independent_scalars() -> None:
    drawn: list[bytes] = []

    def entropy(size: int) -> bytes:
        drawn.append(os.urandom(size))
        return drawn[-1]

    made = guest_.attempt(
        RIGHT, seed=SEED, offer=OFFER, run=0, until=CLOCK, entropy=entropy, kem=KEM
    )
    name = RunName(SEED, OFFER.nonce, 1, 0)
    scalars = [Scalar(draw) for draw in drawn if len(draw) == 32]

    def made_from(j: int) -> list[int]:
        shares = [share_for(name, j, prs=RIGHT, scalar=scalar) for scalar in scalars]
        return [at for at, share in enumerate(shares) if share == made.answer.shares[j]]

    first, second = made_from(0), made_from(1)
    assert len(first) == len(second) == 1
    assert first != second


def test_an_attempt_keeps_neither_the_typed_words_nor_the_host_its_own() -> None:
    assert not holds(attempt(OFFER), RIGHT)


def test_both_branches_and_the_seen_place_are_looked_at() -> None:
    made = attempt(OFFER)
    places = guest_.places(made)
    assert len(set(places)) == 5
    assert places[-1] == made.seen_at == seen_place(SEED, OFFER.nonce, 0)
    assert set(places[0:4:2]) <= set(talk.places(made.branches[0], most=2, turn=0))


def test_the_guest_has_written_nothing_under_either_key_before_a_box_opened() -> None:
    assert [branch.outbox for branch in attempt(OFFER).branches] == [(), ()]


@given(st.one_of(st.binary(max_size=40), st.binary(min_size=BOX_BYTES, max_size=BOX_BYTES)))
@settings(max_examples=20)
def test_arbitrary_bytes_confirm_nothing(box: bytes) -> None:
    for place in guest_.places(ATTEMPT):
        assert guest_.confirm(ATTEMPT, place, box, kem=KEM) is None


ATTEMPT = attempt(OFFER)


def test_after_the_right_answers_the_guests_first_box_is_the_only_one_of_its_chain_0() -> None:
    point = new_point()
    visitor = come(point, RIGHT)
    point, visit = take(point, visitor)
    found = look(visitor, boxes_of(*visit.branches))
    assert found is not None
    guest = receipt(found[0])
    assert guest.ratchet.sending is not None
    assert guest.ratchet.sending.number == 0
    # The host's keys are known since: the second box begins a chain of new secrets.
    guest = said(guest, "second")
    assert guest.ratchet.sending is not None
    assert (guest.ratchet.sending.number, guest.ratchet.sending.previous_length) == (1, 1)
    confirmed = confirm(point, boxes_of(guest))
    assert confirmed is not None
    assert texts(collected(confirmed[1].conversation, guest)[1]) == ["second"]


@pytest.mark.parametrize(("typed", "alarm"), [(RIGHT, False), (ALARM, True)])
def test_a_left_letter_is_read_when_the_host_comes_back(typed: bytes, *, alarm: bool) -> None:
    point = new_point(alarm=ALARM)
    visitor = come(point, typed, until=CLOCK - 1)
    visitor = guest_.leave_letter(
        visitor, Body(Kind.TEXT, "left"), reference=1, entropy=ENTROPY, kem=KEM
    )
    assert [len(branch.outbox) for branch in visitor.branches] == [1, 1]
    lying = boxes_of(*visitor.branches)
    point, visit = take(point, visitor)
    assert not visit.counted
    found = confirm(point, lying)
    assert found is not None
    after, confirmed = found
    assert confirmed.alarm is alarm
    assert texts(confirmed.events) == ["left"]
    assert after.unconfirmed == 0
    host = said(confirmed.conversation, "reply")
    for branch in visitor.branches:
        for place, box in boxes_of(host).items():
            if texts(heard(branch, place, box)[1]) == ["reply"]:
                return
    pytest.fail("the host's reply opened in neither branch")


def test_a_left_letter_of_wrong_answers_opens_nowhere() -> None:
    point = new_point(alarm=ALARM)
    visitor = come(point, WRONG)
    visitor = guest_.leave_letter(
        visitor, Body(Kind.TEXT, "left"), reference=1, entropy=ENTROPY, kem=KEM
    )
    point, _ = take(point, visitor)
    assert confirm(point, boxes_of(*visitor.branches)) is None
    assert point.unconfirmed == 1


def test_every_box_of_a_meeting_is_one_size_and_no_two_are_equal() -> None:
    point = new_point()
    visitor = come(point, RIGHT)
    _, visit = take(point, visitor)
    boxes = [visitor.box, *boxes_of(*visit.branches).values(), os.urandom(BOX_BYTES)]
    assert {len(box) for box in boxes} == {BOX_BYTES}
    assert len(set(boxes)) == len(boxes)
