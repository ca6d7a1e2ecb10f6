"""A visit: what a hostile answer can make of it, and what each branch shows."""

import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_protocol import conversation as talk
from ojak_protocol import meeting_point, visits
from ojak_protocol.addresses import BOX_BYTES, MailboxId
from ojak_protocol.cpace import Share
from ojak_protocol.errors import LocalError, RemoteError
from ojak_protocol.guest import Attempt
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_messages import Answer
from ojak_protocol.meeting_places import seal_at
from ojak_protocol.meeting_point import MeetingPoint, answer_places
from ojak_protocol.stretch import Seed
from ojak_protocol.visits import AnsweredRun, Letter, Visit
from tests.people import (
    ALARM,
    CLOCK,
    DAY,
    ENTROPY,
    GREETING,
    KEM,
    RIGHT,
    SEED,
    WRONG,
    boxes_of,
    come,
    heard,
    holds,
    look,
    new_point,
    receipt,
    take,
)

LETTERS = (
    GREETING,
    Letter(7, Body(Kind.TEXT, "real"), Body(Kind.TEXT, "harmless")),
    Letter(8, Body(Kind.TEXT, "real too"), Body(Kind.TEXT, "harmless too")),
)


def sealed(attempt: Attempt, answer: Answer) -> bytes:
    return seal_at(SEED, attempt.place, answer.encode(), entropy=ENTROPY)


def odd_answers(attempt: Attempt) -> dict[str, bytes]:
    """What somebody with the number, and even with the right answers, may lay down instead."""
    answer, offer = attempt.answer, attempt.offer
    zero, one = Share(bytes(32)), Share(b"\1" + bytes(31))

    def with_(**changes: object) -> bytes:
        return sealed(attempt, replace(answer, **changes))  # type: ignore[arg-type] # as named

    return {
        "right": attempt.box,
        "low order in both": with_(shares=(zero, one)),
        "low order in the first": with_(shares=(zero, answer.shares[1])),
        "low order in the second": with_(shares=(answer.shares[0], one)),
        "reflected": with_(shares=offer.shares[0]),
        "reflected crosswise": with_(shares=offer.shares[0][::-1]),
        "reflected from another run": with_(shares=offer.shares[3]),
        "a kem key that is none": with_(ek=b"\xff" * 1184),
        "a low order dh key": with_(dh=bytes(32)),
        "dh and kem parts swapped": with_(dh=answer.ek[:32], ek=answer.ct + answer.ek[:96]),
        "a forged ciphertext": with_(ct=bytes(1088)),
        "another version": seal_at(
            SEED, attempt.place, b"\2" + answer.encode()[1:], entropy=ENTROPY
        ),
        "too short": seal_at(SEED, attempt.place, b"\1\1", entropy=ENTROPY),
        "too long": seal_at(SEED, attempt.place, answer.encode() + b"\1", entropy=ENTROPY),
    }


def shape(visit: Visit) -> list[tuple[int, int]]:
    """What an onlooker may count of a visit: boxes and their sizes, by branch."""
    return [
        (len(branch.outbox), sum(len(o.box) for o in branch.outbox)) for branch in visit.branches
    ]


def opens(attempt: Attempt, visit: Visit) -> bool:
    return look(attempt, boxes_of(*visit.branches)) is not None


@pytest.mark.parametrize("odd", odd_answers(come(new_point(), RIGHT)))
def test_whatever_is_laid_down_gets_the_same_boxes_and_the_same_count(odd: str) -> None:
    point = new_point(alarm=ALARM)
    attempt = come(point, RIGHT)
    after, visit = take(point, attempt, LETTERS, box=odd_answers(attempt)[odd])
    assert shape(visit) == [(3, 3 * BOX_BYTES)] * 2
    assert (after.counted, after.unconfirmed) == (1, 1)
    assert visit.counted
    if odd == "right":
        assert opens(attempt, visit)
    elif "in the" not in odd:
        assert not opens(attempt, visit)


def test_a_changed_answer_confirms_nothing_even_with_the_right_words() -> None:
    point = new_point()
    attempt = come(point, RIGHT)
    changed = replace(attempt.answer, until=attempt.answer.until + 1)
    _, visit = take(point, attempt, box=sealed(attempt, changed))
    assert not opens(attempt, visit)


def test_a_wrong_answer_opens_nothing_in_either_branch_and_confirms_nothing() -> None:
    point = new_point(alarm=ALARM)
    attempt = come(point, WRONG)
    _, visit = take(point, attempt, LETTERS)
    assert not opens(attempt, visit)
    for branch in attempt.branches:
        for place, box in boxes_of(receipt(branch)).items():
            for expected in (place, *visits.places(visit)):
                assert visits.receive(visit, MailboxId(expected), box, kem=KEM) is None


def visited(coin: int, typed: bytes) -> tuple[MeetingPoint, Attempt, Visit]:
    """A visit to a run whose coin fell as asked for."""
    while True:
        point = new_point(alarm=ALARM)
        attempt = come(point, typed)
        point, visit = take(point, attempt, LETTERS)
        if visit.coin == coin:
            return point, attempt, visit


@pytest.mark.parametrize("coin", [0, 1])
@pytest.mark.parametrize(("typed", "alarm"), [(RIGHT, False), (ALARM, True)])
def test_the_right_answers_confirm_the_real_branch_and_the_alarm_word_the_other(
    coin: int, typed: bytes, *, alarm: bool
) -> None:
    _, attempt, visit = visited(coin, typed)
    found = look(attempt, boxes_of(*visit.branches))
    assert found is not None
    guest, first = found
    for place, box in list(boxes_of(*visit.branches).items()):
        guest, events = heard(guest, place, box)
        first += [event.body for event in events if isinstance(event, talk.Arrived)]
    real = ["", "real", "real too"]
    assert [body.text for body in first] == (["", "harmless", "harmless too"] if alarm else real)
    ((place, box),) = boxes_of(receipt(guest)).items()
    confirmed = visits.receive(visit, MailboxId(place), box, kem=KEM)
    assert confirmed is not None
    assert confirmed.alarm is alarm


@pytest.mark.parametrize("coin", [0, 1])
def test_boxes_of_one_branch_are_refused_in_the_other(coin: int) -> None:
    _, attempt, visit = visited(coin, RIGHT)
    for j in (0, 1):
        own = boxes_of(visit.branches[j])
        other = boxes_of(visit.branches[1 - j])
        for place in own:
            for box in other.values():
                for branch in attempt.branches:
                    assert heard(branch, place, box) == (branch, ())
    assert not set(boxes_of(visit.branches[0])) & set(boxes_of(visit.branches[1]))


def test_a_letter_and_its_counterpart_expire_together() -> None:
    point = new_point(alarm=ALARM)
    letter = Letter(7, Body(Kind.TEXT, "real", expires_at=500), Body(Kind.TEXT, "harmless"))
    _, visit = take(point, come(point, RIGHT), (letter,))
    later = visits.change_branches(visit, lambda branch: talk.expire(branch, now=500))
    replaced = [[out.replaces for out in branch.outbox] for branch in later.branches]
    assert replaced == [[True], [True]]


def test_a_run_is_opened_once() -> None:
    point = new_point()
    attempt = come(point, RIGHT)
    at = answer_places(point, day=DAY, older=False)[attempt.place]
    (laid, *_) = take(point, attempt)[0].offers
    spent = AnsweredRun(at.seed, laid, at.run)
    answer = visits.read_answer(spent, attempt.box, entropy=ENTROPY, kem=KEM)
    with pytest.raises(LocalError):
        visits.open_visit(spent, answer, letters=(), spent=False, now=0, entropy=ENTROPY, kem=KEM)


def test_roots_and_secrets_of_the_answer_are_not_kept_in_a_visit() -> None:
    point = new_point(alarm=ALARM)
    attempt = come(point, RIGHT)
    at = answer_places(point, day=DAY, older=False)[attempt.place]
    point, visit = take(point, attempt, LETTERS)
    scalars = at.laid.runs[at.run].scalars
    assert scalars is not None
    for secret in (*scalars, at.laid.kem_seed, RIGHT, ALARM):
        assert not holds(visit, secret)
    assert not any(holds(point.offers, scalar) for scalar in scalars)


@given(box=st.one_of(st.binary(max_size=40), st.binary(min_size=BOX_BYTES, max_size=BOX_BYTES)))
@settings(max_examples=25)
def test_arbitrary_bytes_confirm_nothing_and_are_no_answer(box: bytes) -> None:
    for place in visits.places(VISIT):
        assert visits.receive(VISIT, place, box, kem=KEM) is None
    with pytest.raises(RemoteError):
        visits.read_answer(AT, box, entropy=ENTROPY, kem=KEM)


@pytest.mark.parametrize("sealed_for", [None, "another place", "another number"])
def test_what_nobody_with_the_number_sealed_there_takes_the_run_and_is_no_guess(
    sealed_for: str | None,
) -> None:
    point = new_point(alarm=ALARM)
    attempt = come(point, RIGHT)
    message = attempt.answer.encode()
    box = {
        None: os.urandom(BOX_BYTES),
        "another place": seal_at(SEED, attempt.seen_at, message, entropy=ENTROPY),
        "another number": seal_at(Seed(b"o" * 32), attempt.place, message, entropy=ENTROPY),
    }[sealed_for]
    at = answer_places(point, day=DAY, older=False)[attempt.place]
    for _ in range(12):
        after = meeting_point.take(
            point,
            at,
            box,
            letters=LETTERS,
            relay_clock=CLOCK,
            now=CLOCK,
            entropy=ENTROPY,
            kem=KEM,
        )
        assert (after.counted, after.unconfirmed, after.visits) == (0, 0, ())
        assert (after.disturbed, after.occupied) == (True, False)
        assert attempt.place not in answer_places(after, day=DAY, older=False)
    again = come(after, RIGHT)
    assert opens(again, take(after, again)[1])


POINT = new_point()
VISIT = take(POINT, come(POINT, RIGHT))[1]
AT = next(iter(answer_places(POINT, day=DAY, older=False).values()))


def test_only_letters_of_the_person_are_named_in_a_visit() -> None:
    point = new_point()
    assert take(point, come(point, RIGHT), LETTERS)[1].references == (7, 8)


def test_a_letter_is_asked_back_with_what_stands_in_its_place() -> None:
    point = new_point(alarm=ALARM)
    offered = (
        Letter(7, Body(Kind.TEXT, "real"), Body(Kind.TEXT, "harmless"), 9),
        Letter(8, Body(Kind.TEXT, "real too"), Body(Kind.TEXT, "harmless too"), 10),
    )
    _, visit = take(point, come(point, RIGHT), offered)
    for asked_back in (7, 9):
        for branch in visits.recall(visit, asked_back).branches:
            assert [bool(out.letter) for out in branch.outbox] == [False, True]
    assert visits.recall(visit, 99) == visit
