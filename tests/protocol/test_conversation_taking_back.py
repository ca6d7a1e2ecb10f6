"""Letters taken back, by their time or by hand, and letters lost: nothing of them stays."""

import pytest

from ojak_protocol import conversation as talk
from ojak_protocol.acknowledgement import Outcome
from ojak_protocol.addresses import BOX_BYTES
from ojak_protocol.box import SEALED_HEADER_BYTES
from ojak_protocol.conversation import (
    Arrived,
    Conversation,
)
from ojak_protocol.letters import Kind
from tests.people import (
    NOW,
    Pair,
    boxes_of,
    collected,
    contested,
    heard,
    holds,
    is_broken,
    newest,
    outcomes,
    receipt,
    said,
    texts,
)


def test_expiry_turns_a_letter_into_its_withdrawn_form_and_its_bytes_are_gone(pair: Pair) -> None:
    host = said(pair.host, "secret", expires_at=NOW)
    place, letter = newest(host)
    host = talk.stored(host, place, now=NOW - 10)
    early = talk.expire(host, now=NOW - 1)
    assert newest(early)[1] == letter
    host = talk.expire(host, now=NOW)
    assert not holds(host, letter)
    assert not holds(host, letter[SEALED_HEADER_BYTES:])
    (again,) = talk.due(host, now=NOW)[-1:]
    assert again.replaces
    assert again.box != letter
    assert len(again.box) == BOX_BYTES
    assert talk.expire(host, now=NOW + 1) == host


def test_a_withdrawn_letter_is_accepted_and_acknowledged_as_withdrawn(pair: Pair) -> None:
    host = talk.expire(said(pair.host, "one", expires_at=NOW), now=NOW)
    guest, events = collected(pair.guest, host)
    assert [e.body.kind for e in events if isinstance(e, Arrived)] == [Kind.WITHDRAWN]
    host, events = collected(host, receipt(guest))
    assert outcomes(events) == [Outcome.WITHDRAWN]
    assert host.outbox == ()


def test_a_letter_read_before_it_was_taken_back_is_acknowledged_as_arrived(pair: Pair) -> None:
    host = said(pair.host, "one", expires_at=NOW)
    guest, _ = collected(pair.guest, host)
    host = talk.expire(host, now=NOW)
    host, events = collected(host, receipt(guest))
    assert outcomes(events) == [Outcome.ARRIVED]


def test_the_boxes_of_a_letter_and_of_its_withdrawn_form_are_not_told_apart_by_size(
    pair: Pair,
) -> None:
    sealed = said(pair.host, "x" * 1500).outbox[-1]
    assert len(sealed.letter) == len(sealed.withdrawn) == BOX_BYTES
    assert sealed.letter[2352:2376] != sealed.withdrawn[2352:2376]


# Recall


def test_a_recalled_letter_is_erased_and_its_withdrawn_form_goes_over_what_lies_there(
    pair: Pair,
) -> None:
    host = said(pair.host, "secret", reference=7)
    place, letter = newest(host)
    host = contested(talk.stored(host, place, now=NOW))
    host, possible = talk.recall(host, 7)
    assert possible
    assert not holds(host, letter)
    assert not holds(host, letter[SEALED_HEADER_BYTES:])
    again = talk.due(host, now=NOW)[-1]
    assert again.place.id == place
    assert again.replaces
    assert len(again.box) == BOX_BYTES
    guest, events = collected(pair.guest, host)
    assert texts(events) == []
    host, events = collected(host, receipt(guest))
    assert [e for e in events if not isinstance(e, Arrived)][-1:] == [
        talk.Settled(7, Outcome.WITHDRAWN)
    ]


def test_recall_takes_back_the_letter_it_names_and_no_other(pair: Pair) -> None:
    host = said(said(said(pair.host, "1", reference=1), "2", reference=2), "3", reference=3)
    host, possible = talk.recall(host, 2)
    assert possible
    assert texts(collected(pair.guest, host)[1]) == ["1", "3"]


def test_recall_again_changes_nothing_and_is_still_possible(pair: Pair) -> None:
    host, _ = talk.recall(said(pair.host, "one", reference=7), 7)
    host = talk.stored(host, host.outbox[-1].place.id, now=NOW)
    assert talk.recall(host, 7) == (host, True)
    assert talk.expire(host, now=NOW) == host


def test_a_letter_read_before_its_recall_is_settled_as_arrived(pair: Pair) -> None:
    host = said(pair.host, "one", reference=7)
    guest, _ = collected(pair.guest, host)
    host, possible = talk.recall(host, 7)
    assert possible
    host, events = collected(host, receipt(guest))
    assert outcomes(events) == [Outcome.ARRIVED]


def test_recall_is_not_possible_once_the_letter_is_acknowledged(pair: Pair) -> None:
    host = said(pair.host, "one", reference=7)
    guest, _ = collected(pair.guest, host)
    host, _ = collected(host, receipt(guest))
    assert talk.recall(host, 7) == (host, False)


@pytest.mark.parametrize("reference", [0, 8, -1])
def test_recall_of_a_greeting_or_of_no_letter_changes_nothing(pair: Pair, reference: int) -> None:
    host = receipt(said(pair.host, "one", reference=7))
    assert talk.recall(host, reference) == (host, False)


def test_a_recalled_and_an_expired_letter_leave_the_same_state(pair: Pair) -> None:
    host = said(pair.host, "one", reference=7, expires_at=NOW)
    assert talk.recall(host, 7)[0] == talk.expire(host, now=NOW)


def turn_of(host: Conversation, guest: Conversation) -> tuple[Conversation, Conversation]:
    """The guest replies and the host writes again, both heard; what is older is not brought."""
    guest = said(guest, "reply")
    host, _ = heard(host, *newest(guest))
    host = said(host, "next turn")
    guest, _ = heard(guest, *newest(host))
    return host, guest


def test_missing_places_open_one_turn_long_and_then_are_reported_lost(pair: Pair) -> None:
    host = said(pair.host, "heard", "missing", "heard too")
    (_, first), (place, missing), third = list(boxes_of(host).items())[-3:]
    guest, _ = heard(pair.guest, host.outbox[-3].place.id, first)
    guest, _ = heard(guest, *third)
    host, guest = turn_of(host, guest)
    assert texts(heard(guest, place, missing)[1]) == ["missing"]
    host, guest = turn_of(host, guest)
    assert heard(guest, place, missing) == (guest, ())
    assert not any(out.place.id == place for out in guest.outbox)
    host, events = heard(host, *newest(receipt(guest)))
    assert outcomes(events).count(Outcome.LOST) == 1
    assert not is_broken(events)
