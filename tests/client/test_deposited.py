"""What "stored" and "occupied" mean for an answer, an offer, a "seen" and boxes of a visit."""

from dataclasses import replace

from ojak_client.deposited import MOST_FULL, answer_deposited, answer_offer, point_deposited
from ojak_client.profile import Visiting
from ojak_protocol import guest
from ojak_protocol.addresses import MailboxId
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_places import RUNS, offer_place
from tests.client.persons import moment
from tests.people import CLOCK, RIGHT, SEED, come, new_point, take

ELSEWHERE = MailboxId(b"e" * 32)


def answering() -> Visiting:
    return answer_offer(
        Visiting(SEED, RIGHT, 1, 60, keeps=False), come(new_point(), RIGHT).offer, moment()
    )


def place_of(visiting: Visiting) -> MailboxId:
    assert visiting.attempt is not None
    return visiting.attempt.place


def test_an_answer_that_was_stored_is_laid() -> None:
    visiting = answering()
    after = answer_deposited(visiting, place_of(visiting), stored=True, moment=moment())
    assert (after.laid, after.answered_at) == (True, CLOCK)


def test_where_somebody_was_quicker_the_next_run_is_answered_until_none_is_left() -> None:
    visiting = answering()
    places = []
    for _ in range(RUNS):
        places.append(place_of(visiting))
        nonce = visiting.attempt.offer.nonce if visiting.attempt else b""
        visiting = answer_deposited(visiting, places[-1], stored=False, moment=moment())
    assert len(set(places)) == RUNS
    assert (visiting.attempt, visiting.full) == (None, (nonce,))
    assert answer_deposited(visiting, places[-1], stored=True, moment=moment()) == visiting


def test_h7_of_an_answer_that_was_stored_no_later_word_is_believed() -> None:
    """Another process of the same device may have deposited it as well and still wait to hear."""
    visiting = answering()
    laid = answer_deposited(visiting, place_of(visiting), stored=True, moment=moment())
    assert answer_deposited(laid, place_of(laid), stored=False, moment=moment()) == laid


def test_a_guest_remembers_only_so_many_full_offers() -> None:
    """Whoever lays one offer after another must not fill the vault."""
    full = tuple(bytes([n]) * 32 for n in range(MOST_FULL))
    visiting = replace(answering(), run=RUNS - 1, full=full)
    assert visiting.attempt is not None
    after = answer_deposited(visiting, place_of(visiting), stored=False, moment=moment())
    assert after.full == (*full[1:], visiting.attempt.offer.nonce)


def test_a_left_letter_whose_place_is_taken_is_put_there_by_its_delete_key() -> None:

    visiting = answering()
    attempt = visiting.attempt
    assert attempt is not None
    now = moment()
    attempt = guest.leave_letter(
        attempt, Body(Kind.TEXT, "x"), reference=1, entropy=now.entropy, kem=now.kem
    )
    visiting = replace(visiting, attempt=attempt)
    first, second = (branch.outbox[0].place.id for branch in attempt.branches)
    after = answer_deposited(visiting, first, stored=False, moment=now)
    after = answer_deposited(after, second, stored=True, moment=now)
    assert after.attempt is not None
    outs = [branch.outbox[0] for branch in after.attempt.branches]
    assert [(out.replaces, out.deposited_at) for out in outs] == [(True, 0), (False, CLOCK)]
    assert answer_deposited(after, ELSEWHERE, stored=True, moment=now) == after


def test_an_offer_that_was_stored_is_laid_and_an_occupied_place_is_remembered() -> None:
    point = new_point()
    laid = point.offers[0]
    place = offer_place(SEED, laid.set_number, laid.day, laid.n)
    stored = point_deposited(point, place, stored=True, moment=moment())
    assert (stored.offers[0].laid, stored.occupied) == (True, False)
    assert point_deposited(point, place, stored=False, moment=moment()).occupied


def test_boxes_and_the_seen_of_a_visit_are_not_deposited_again() -> None:
    point = new_point()
    point, visit = take(point, come(point, RIGHT))
    point = point_deposited(point, visit.seen_at, stored=False, moment=moment())
    assert point.visits[0].seen_left
    first, second = (branch.outbox[0].place.id for branch in visit.branches)
    point = point_deposited(point, first, stored=True, moment=moment())
    point = point_deposited(point, second, stored=False, moment=moment())
    outs = [branch.outbox[0] for branch in point.visits[0].branches]
    assert [(out.replaces, out.deposited_at) for out in outs] == [(False, CLOCK), (True, 0)]
    assert point_deposited(point, ELSEWHERE, stored=True, moment=moment()) == point
