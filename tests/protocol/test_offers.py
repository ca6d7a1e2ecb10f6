"""Offers: the same bytes each time, a hidden coin for each run, secrets that go."""

import os

from ojak_protocol.cpace import Scalar
from ojak_protocol.meeting_keys import RunName, share_for
from ojak_protocol.meeting_messages import Offer
from ojak_protocol.meeting_places import offer_place, open_at
from ojak_protocol.offers import LaidOffer, make_offer, offer_box, offer_of, without_run
from tests.people import ALARM, DAY, KEM, RIGHT, SEED, holds


def made(*, alarm: bytes | None = ALARM) -> LaidOffer:
    return make_offer(SEED, set_number=1, day=DAY, n=0, words=(RIGHT, alarm), entropy=os.urandom)


def scalars_of(laid: LaidOffer, run: int) -> tuple[Scalar, Scalar]:
    scalars = laid.runs[run].scalars
    assert scalars is not None
    return scalars


def test_an_offer_made_again_gives_the_same_bytes() -> None:
    laid = made()
    box = offer_box(SEED, laid, kem=KEM)
    assert offer_box(SEED, laid, kem=KEM) == box
    assert offer_box(SEED, without_run(laid, 2), kem=KEM) == box
    place = offer_place(SEED, 1, DAY, 0)
    opened = open_at(SEED, place, box)
    assert opened == offer_of(laid, kem=KEM).encode().ljust(3960, b"\0")


def test_two_offers_share_no_nonce_share_or_key() -> None:
    def parts(offer: Offer) -> set[bytes]:
        return {offer.nonce, offer.ek, *(share for pair in offer.shares for share in pair)}

    first, second = made(), made()
    assert len(parts(offer_of(first, kem=KEM))) == 10
    assert not parts(offer_of(first, kem=KEM)) & parts(offer_of(second, kem=KEM))
    assert first.seal_nonce != second.seal_nonce


def test_the_coin_of_each_run_tells_which_branch_is_made_from_the_right_answers() -> None:
    laid = made()
    for number, run in enumerate(laid.runs):
        name = RunName(SEED, laid.nonce, 1, number)
        for j in (0, 1):
            word = RIGHT if j == run.coin else ALARM
            share = share_for(name, j, prs=word, scalar=scalars_of(laid, number)[j])
            assert run.shares[j] == share


def test_the_coin_falls_both_ways_also_within_one_offer() -> None:
    offers = [made() for _ in range(12)]
    assert {run.coin for laid in offers for run in laid.runs} == {0, 1}
    assert any(len({run.coin for run in laid.runs}) == 2 for laid in offers)


def test_without_an_alarm_word_the_other_branch_is_nobodys_and_looks_alike() -> None:
    laid = made(alarm=None)
    for number, run in enumerate(laid.runs):
        name = RunName(SEED, laid.nonce, 1, number)
        other = 1 - run.coin
        for word in (RIGHT, ALARM):
            share = share_for(name, other, prs=word, scalar=scalars_of(laid, number)[other])
            assert run.shares[other] != share
    assert len(offer_box(SEED, laid, kem=KEM)) == 4000


def test_the_scalars_of_an_answered_run_are_gone_and_the_others_stay() -> None:
    laid = made()
    gone = scalars_of(laid, 1)
    left = without_run(laid, 1)
    assert left.open_runs == (0, 2, 3)
    assert not any(holds(left, scalar) for scalar in gone)
    assert holds(left, scalars_of(laid, 0)[0])


def test_the_words_are_not_kept_in_an_offer() -> None:
    laid = made()
    assert not holds(laid, RIGHT)
    assert not holds(laid, ALARM)
