"""A conversation: each letter once, nothing lost in silence, copies noticed, nothing left."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_protocol import conversation as talk
from ojak_protocol import ratchet
from ojak_protocol.acknowledgement import Outcome
from ojak_protocol.addresses import BOX_BYTES, MailboxId
from ojak_protocol.box import SEALED_HEADER_BYTES, Header, seal_box
from ojak_protocol.chains import body_key, place_at
from ojak_protocol.conversation import (
    LETTER_TTL_SECONDS,
    UNREADABLE,
    Arrived,
    Broken,
    Conversation,
)
from ojak_protocol.errors import Exhausted, LocalError, Reason, Refused
from ojak_protocol.letters import Body, Kind, decode_body
from tests.people import (
    ENTROPY,
    KEM,
    Pair,
    boxes_of,
    collected,
    heard,
    holds,
    inside,
    is_broken,
    meet,
    outcomes,
    receipt,
    said,
    texts,
)

NOW = 1_800_000_000


@pytest.fixture
def pair() -> Pair:
    return meet()


def newest(state: Conversation) -> tuple[MailboxId, bytes]:
    outgoing = state.outbox[-1]
    return outgoing.place.id, outgoing.box


def test_letters_arrive_in_both_directions_over_many_turns(pair: Pair) -> None:
    host, guest = pair.host, pair.guest
    for turn in range(6):
        host = said(host, f"to guest {turn}", "and more")
        guest, events = collected(guest, host)
        assert texts(events) == [f"to guest {turn}", "and more"]
        guest = said(guest, f"to host {turn}")
        host, events = collected(host, guest)
        assert texts(events) == [f"to host {turn}"]
        assert outcomes(events) == [Outcome.ARRIVED] * 2
        assert host.outbox == ()


def test_a_letter_is_settled_once_its_acknowledgement_comes(pair: Pair) -> None:
    host = said(pair.host, "one", reference=7)
    guest, _ = collected(pair.guest, host)
    host, events = collected(host, receipt(guest))
    assert [e for e in events if not isinstance(e, Arrived)] == [
        talk.Settled(7, Outcome.ARRIVED),
    ]


def test_every_box_is_opened_once_and_a_replay_opens_nothing(pair: Pair) -> None:
    host, guest = pair.host, pair.guest
    shown: dict[bytes, bytes] = {}
    for turn in range(4):
        host = said(host, f"{turn}", "more")
        shown |= boxes_of(host)
        guest, _ = collected(guest, host)
        for place, box in shown.items():
            assert heard(guest, place, box) == (guest, ())
        guest = said(guest, "reply")
        host, _ = collected(host, guest)
        for place in talk.places(guest, most=32, turn=turn):
            for box in shown.values():
                assert heard(guest, place, box) == (guest, ())


def test_a_flipped_byte_anywhere_leaves_the_state_equal_and_the_honest_box_opens(
    pair: Pair,
) -> None:
    host = said(pair.host, "one")
    place, box = newest(host)
    positions = {*range(0, BOX_BYTES, 97), SEALED_HEADER_BYTES - 1, SEALED_HEADER_BYTES, 3999}
    for position in positions:
        flipped = bytearray(box)
        flipped[position] ^= 1
        assert heard(pair.guest, place, bytes(flipped)) == (pair.guest, ())
    assert texts(heard(pair.guest, place, box)[1]) == ["one"]


@given(box=st.one_of(st.binary(max_size=60), st.binary(min_size=BOX_BYTES, max_size=BOX_BYTES)))
@settings(max_examples=30)
def test_arbitrary_bytes_at_any_place_change_nothing(box: bytes) -> None:
    state = PAIR.guest
    for place in talk.places(state, most=8, turn=0):
        assert heard(state, place, box) == (state, ())
    assert heard(state, bytes(32), box) == (state, ())


PAIR = meet()
OTHER_PAIR = meet()


def test_boxes_swapped_between_places_directions_and_conversations_are_refused() -> None:
    """Each sealed box, at each place where some side expects one, opens only where it belongs."""
    readers: dict[str, Conversation] = {}
    boxes: dict[tuple[str, int], tuple[MailboxId, bytes]] = {}
    for name, two in (("a", PAIR), ("b", OTHER_PAIR)):
        host, guest = said(two.host, "1", "2"), said(two.guest, "1", "2")
        readers |= {f"{name} host": two.host, f"{name} guest": two.guest}
        for index in (-2, -1):
            out = host.outbox[index]
            boxes[f"{name} guest", index] = (out.place.id, out.box)
            out = guest.outbox[index]
            boxes[f"{name} host", index] = (out.place.id, out.box)
    for (reader, _), (place, right) in boxes.items():
        for _, box in boxes.values():
            state, events = heard(readers[reader], place, box)
            assert bool(events) == (box == right), "opened where it does not belong"
            assert events or state == readers[reader]
    for place, box in boxes.values():
        opened = [name for name, state in readers.items() if heard(state, place, box)[1]]
        assert len(opened) == 1


def test_a_box_with_the_header_of_another_is_refused(pair: Pair) -> None:
    host = said(pair.host, "one")
    sealed = host.outbox[-1]
    mixed = sealed.letter[:SEALED_HEADER_BYTES] + sealed.withdrawn[SEALED_HEADER_BYTES:]
    assert heard(pair.guest, sealed.place.id, mixed) == (pair.guest, ())


@given(order=st.permutations(range(6)))
@settings(max_examples=20)
def test_boxes_in_any_order_are_all_opened_and_acknowledged(order: list[int]) -> None:
    host = said(PAIR.host, *"012345")
    guest, lying = PAIR.guest, list(boxes_of(host).items())[-6:]
    arrived: list[str] = []
    for number in order:
        guest, events = heard(guest, *lying[number])
        arrived += texts(events)
    assert arrived == [str(number) for number in order]
    assert guest.reading.waiting == ()
    host, happened = collected(host, receipt(guest))
    assert outcomes(happened) == [Outcome.ARRIVED] * 6


def test_a_gap_stops_the_acknowledgement(pair: Pair) -> None:
    host = said(pair.host, "one", "two", "three")
    lying = list(boxes_of(host).items())[-3:]
    guest, _ = heard(pair.guest, *lying[0])
    guest, events = heard(guest, *lying[2])
    assert texts(events) == ["three"]
    host, happened = collected(host, receipt(guest))
    assert outcomes(happened) == [Outcome.ARRIVED]
    assert len(host.outbox) == 2


def test_a_letter_behind_a_closed_gap_is_owed_a_receipt(pair: Pair) -> None:
    host = said(receipt(pair.host), "two")
    gap, letter = list(boxes_of(host).items())[-2:]
    guest, _ = heard(pair.guest, *letter)
    assert not guest.owes_receipt, "there is nothing to acknowledge yet"
    guest, _ = heard(receipt(guest), *gap)
    assert guest.owes_receipt, "the letter would never be acknowledged"
    guest = receipt(guest)
    assert not guest.owes_receipt
    host, events = collected(host, guest)
    assert outcomes(events) == [Outcome.ARRIVED]


def test_a_greeting_is_owed_no_receipt(pair: Pair) -> None:
    guest, events = collected(pair.guest, receipt(pair.host))
    assert events
    assert not guest.owes_receipt


def test_a_letter_taken_back_is_owed_a_receipt_like_any_other(pair: Pair) -> None:
    host = talk.expire(said(pair.host, "one", expires_at=NOW), now=NOW)
    guest, events = collected(pair.guest, host)
    assert texts(events) == []
    assert guest.owes_receipt


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
    assert sealed.letter[:24] != sealed.withdrawn[:24]


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


def test_64_unacknowledged_places_are_exhausted_and_nothing_changed(pair: Pair) -> None:
    host = pair.host
    while len(host.outbox) < 64:
        host = receipt(host)
    with pytest.raises(Exhausted):
        receipt(host)
    guest, _ = collected(pair.guest, host)
    host, _ = collected(host, receipt(guest))
    assert len(said(host, "again").outbox) == 1


def test_the_last_four_places_are_kept_for_receipts(pair: Pair) -> None:
    host = pair.host
    while len(host.outbox) < 60:
        host = said(host, "x")
    with pytest.raises(Exhausted):
        said(host, "x")
    assert len(receipt(host).outbox) == 61


def test_two_sides_that_wrote_all_they_may_still_acknowledge_each_other(pair: Pair) -> None:
    def filled(state: Conversation) -> Conversation:
        while True:
            try:
                state = said(state, "x")
            except Exhausted:
                return state

    host, guest = filled(pair.host), filled(pair.guest)
    host, _ = collected(host, guest)
    guest, _ = collected(guest, host)
    guest = receipt(guest)
    host, happened = collected(host, guest)
    assert outcomes(happened)
    host = receipt(host)
    guest, happened = collected(guest, host)
    assert outcomes(happened)
    assert said(host, "and on").outbox
    assert said(guest, "and on").outbox


def test_a_text_that_is_too_long_is_refused_and_nothing_changed(pair: Pair) -> None:
    with pytest.raises(Refused) as refused:
        said(pair.host, "가" * 501)
    assert refused.value.reason is Reason.TOO_LONG
    assert texts(collected(pair.guest, said(pair.host, "가" * 500))[1]) == ["가" * 500]


def test_the_withdrawn_form_is_never_written_by_hand(pair: Pair) -> None:
    # The reader would acknowledge it as taken back, and the hashes of the two sides would part.
    with pytest.raises(LocalError):
        talk.write(pair.host, Body(Kind.WITHDRAWN), reference=1, entropy=ENTROPY, kem=KEM)


# Copies


def test_a_clone_that_writes_is_detected_by_the_reader(pair: Pair) -> None:
    host = said(pair.host, "one")
    guest, _ = collected(pair.guest, host)
    guest = said(guest, "reply")
    host, _ = collected(host, guest)
    first, second = said(host, "from one"), said(host, "from its copy", "and more")
    guest, _ = collected(guest, first)
    guest, events = heard(guest, *newest(second))
    assert is_broken(events)
    assert guest.broken


def test_a_restored_writer_learns_from_the_acknowledgement(pair: Pair) -> None:
    original, restored = said(pair.host, "one"), said(pair.host, "other")
    guest, _ = collected(pair.guest, original)
    restored, events = collected(restored, receipt(guest))
    assert is_broken(events)
    with pytest.raises(LocalError):
        said(restored, "more")
    assert talk.due(restored, now=NOW) == ()
    assert talk.places(restored, most=32, turn=0) == ()
    assert heard(restored, *newest(receipt(guest))) == (restored, ())


def test_a_clone_that_acknowledges_is_detected(pair: Pair) -> None:
    host = said(pair.host, "one")
    restored = pair.guest
    guest, _ = collected(pair.guest, host)
    host, events = heard(host, *newest(receipt(guest)))
    assert outcomes(events) == [Outcome.ARRIVED]
    host = said(host, "two")
    clone = receipt(receipt(receipt(restored)))
    _, events = heard(host, *newest(clone))
    assert is_broken(events)


def test_an_acknowledgement_that_runs_backwards_is_detected(pair: Pair) -> None:
    # The guest writes twice more in one chain, the second time from a state that forgot what it
    # read in between.
    host = said(pair.host, "one")
    guest = receipt(receipt(pair.guest))
    host, _ = collected(host, guest)
    fresh, _ = collected(guest, host)
    forgetful = replace(receipt(fresh), reading=guest.reading)
    host, events = heard(host, *newest(receipt(fresh)))
    assert not is_broken(events)
    host, events = heard(host, *newest(receipt(forgetful)))
    assert is_broken(events)


def contested(state: Conversation) -> Conversation:
    return talk.occupied(state, state.outbox[-1].place.id)


def test_our_header_in_an_occupied_place_means_a_copy(pair: Pair) -> None:
    original, restored = said(pair.host, "one"), contested(said(pair.host, "other"))
    place, box = newest(original)
    assert place in talk.places(restored, most=32, turn=0)
    assert place not in {out.place.id for out in talk.due(restored, now=NOW)}
    restored, events = heard(restored, place, box)
    assert is_broken(events)


def test_junk_in_an_occupied_place_is_replaced_by_showing_its_delete_key(pair: Pair) -> None:
    host = contested(said(pair.host, "one"))
    host, events = heard(host, host.outbox[-1].place.id, bytes(BOX_BYTES))
    assert events == ()
    again = talk.due(host, now=NOW)[-1]
    assert again.replaces
    host = talk.stored(host, again.place.id, now=NOW)
    assert again.place.id not in {out.place.id for out in talk.due(host, now=NOW)}
    assert not host.outbox[-1].replaces


def test_a_place_set_to_be_overwritten_is_deposited_by_its_delete_key(pair: Pair) -> None:
    host = said(pair.host, "one")
    host = talk.overwrite(host, newest(host)[0])
    assert talk.due(host, now=NOW)[-1].replaces


def test_our_own_box_in_an_occupied_place_is_no_copy(pair: Pair) -> None:
    host = said(pair.host, "one")
    assert heard(contested(host), *newest(host)) == (host, ())


def test_nothing_in_an_occupied_place_means_that_it_is_deposited_again(pair: Pair) -> None:
    host = said(pair.host, "one")
    assert talk.absent(contested(host), host.outbox[-1].place.id) == host


def test_a_relay_that_shows_an_expired_letter_again_cannot_feign_a_copy(pair: Pair) -> None:
    host = said(pair.host, "one", expires_at=NOW)
    place, letter = newest(host)
    # The relay keeps the letter, answers "occupied" where it should replace it, and shows it.
    host = contested(talk.expire(host, now=NOW))
    host, events = heard(host, place, letter)
    assert not is_broken(events)
    again = talk.due(host, now=NOW)[-1]
    assert again.place.id == place
    assert again.replaces
    assert again.box != letter


# Ending


def broken_host(pair: Pair) -> Conversation:
    """The host after it met a chain of the guest that was begun with other keys."""
    place, box = forged(
        pair.guest, lambda header: replace(header, keys=replace(header.keys, ct=bytes(1087) + b"x"))
    )
    host, events = heard(pair.host, place, box)
    assert events == (Broken(),)
    return host


def ended(state: Conversation) -> Conversation:
    return talk.end(state, entropy=ENTROPY, kem=KEM)


def test_the_side_that_detects_a_copy_tells_the_other_which_then_ends_too(pair: Pair) -> None:
    host = said(pair.host, "unread")
    host = ended(broken_host(Pair(host, pair.guest)))
    assert not host.owes_end
    (farewell,) = talk.due(host, now=NOW)
    assert farewell.replaces
    assert len(farewell.box) == BOX_BYTES
    assert farewell.place.id in talk.places(pair.guest, most=6, turn=0)
    guest, events = heard(pair.guest, farewell.place.id, farewell.box)
    assert events == (Broken(),)
    assert guest.broken
    assert guest.deletes[-1] == farewell.place.delete_key
    assert not guest.owes_end
    assert talk.due(guest, now=NOW) == ()
    assert talk.places(guest, most=6, turn=0) == ()


def test_a_broken_conversation_sends_its_end_and_nothing_else(pair: Pair) -> None:
    host = broken_host(Pair(said(pair.host, "unread", reference=7), pair.guest))
    assert talk.due(host, now=NOW) == ()
    host = ended(host)
    (farewell,) = talk.due(host, now=NOW)
    host = talk.stored(host, farewell.place.id, now=NOW)
    assert talk.due(host, now=NOW) == ()
    (again,) = talk.due(host, now=NOW + LETTER_TTL_SECONDS // 3)
    assert again.box == farewell.box
    assert talk.recall(host, 7) == (host, False)


@pytest.mark.parametrize("kind", [Kind.GREETING, Kind.TEXT, Kind.ENDED])
def test_a_broken_conversation_is_not_written_to(pair: Pair, kind: Kind) -> None:
    for host in (broken_host(pair), ended(broken_host(pair))):
        with pytest.raises(LocalError):
            talk.write(host, Body(kind), reference=0, entropy=ENTROPY, kem=KEM)


def test_only_a_side_that_detected_a_copy_writes_an_end_and_only_once(pair: Pair) -> None:
    with pytest.raises(LocalError):
        ended(pair.host)
    with pytest.raises(LocalError):
        talk.write(pair.host, Body(Kind.ENDED), reference=0, entropy=ENTROPY, kem=KEM)
    host = ended(broken_host(pair))
    with pytest.raises(LocalError):
        ended(host)
    guest, _ = heard(pair.guest, host.farewell[0].place.id, host.farewell[0].box)
    with pytest.raises(LocalError):
        ended(guest)


def test_a_broken_side_accepts_nothing_not_even_an_end(pair: Pair) -> None:
    host = broken_host(pair)
    other = ended(replace(pair.guest, broken=True, owes_end=True))
    assert heard(host, other.farewell[0].place.id, other.farewell[0].box) == (host, ())


def test_an_end_needs_no_free_place(pair: Pair) -> None:
    host = pair.host
    while len(host.outbox) < 64:
        host = receipt(host)
    host = ended(broken_host(Pair(host, pair.guest)))
    guest, _ = collected(pair.guest, host)
    assert is_broken(heard(guest, host.farewell[0].place.id, host.farewell[0].box)[1])


def test_an_end_acknowledges_nothing_and_says_nothing_else(pair: Pair) -> None:
    guest = said(pair.guest, "one")
    host, _ = collected(pair.host, guest)
    (farewell,) = ended(broken_host(Pair(host, guest))).farewell
    _, opened = ratchet.open_(guest.ratchet, farewell.place.id, farewell.box, kem=KEM)
    assert decode_body(opened.body) == Body(Kind.ENDED)
    assert heard(guest, farewell.place.id, farewell.box)[1] == (Broken(),)


def test_a_copy_of_the_writer_that_finds_the_other_tells_the_reader_in_one_chain(
    pair: Pair,
) -> None:
    """Both copies go on in one chain: the end opens where the reader looks next."""
    both = said(pair.host, "before")
    guest, _ = collected(pair.guest, both)
    other, ours = said(both, "from the other"), contested(said(both, "ours"))
    place, box = newest(other)
    ours, events = heard(ours, place, box)
    assert is_broken(events)
    (farewell,) = talk.due(ended(ours), now=NOW)
    # What the other copy wrote there is replaced, read or not: no key was used with a nonce twice.
    other = said(other, "at the same place")
    assert newest(other)[0] == farewell.place.id
    assert newest(other)[1][:24] != farewell.box[:24]
    guest, events = heard(guest, place, box)
    assert texts(events) == ["from the other"]
    assert heard(guest, *newest(other))[1]
    assert heard(guest, farewell.place.id, farewell.box)[1] == (Broken(),)


def test_a_copy_that_began_the_chain_with_other_keys_tells_the_reader_as_well(pair: Pair) -> None:
    """Each copy began the next chain with keys of its own: the header of the end tells of it."""
    guest = said(pair.guest, "to both")
    host, _ = collected(pair.host, guest)
    other, ours = said(host, "from the other"), contested(said(host, "ours"))
    place, box = newest(other)
    assert newest(ours)[0] == place
    ours, events = heard(ours, place, box)
    assert is_broken(events)
    (farewell,) = talk.due(ended(ours), now=NOW)
    read, events = heard(guest, place, box)
    assert texts(events) == ["from the other"]
    assert heard(read, farewell.place.id, farewell.box)[1] == (Broken(),)
    # Read first, it is the end itself.
    guest, events = heard(guest, farewell.place.id, farewell.box)
    assert events == (Broken(),)


# Depositing


def test_what_is_due_is_repeated_unchanged_until_stored_and_at_every_third(pair: Pair) -> None:
    host = said(pair.host, "one")
    place, box = newest(host)
    third = LETTER_TTL_SECONDS // 3

    def due_at(now: int) -> bool:
        return box in {out.box for out in talk.due(host, now=now)}

    assert due_at(NOW)
    assert due_at(NOW + 1)
    host = talk.stored(host, place, now=NOW)
    assert not due_at(NOW)
    assert not due_at(NOW + third - 1)
    assert due_at(NOW + third)


def test_a_clock_that_ran_backwards_only_repeats_a_deposit(pair: Pair) -> None:
    host = said(pair.host, "one")
    place, box = newest(host)
    host = talk.stored(host, place, now=NOW)
    assert [out.box for out in talk.due(host, now=NOW - 1)][-1] == box


@pytest.mark.parametrize("now", [0, 1, 1000])
def test_a_device_whose_clock_begins_in_1970_deposits_all_the_same(pair: Pair, now: int) -> None:
    host = said(pair.host, "one")
    assert newest(host)[1] in {out.box for out in talk.due(host, now=now)}


def test_deletes_wait_until_the_relay_did_them(pair: Pair) -> None:
    host = said(pair.host, "one", "two")
    guest, _ = collected(pair.guest, host)
    keys = {out.place.delete_key for out in host.outbox}
    assert keys == set(guest.deletes[-2:])
    one = guest.deletes[-1]
    assert one not in talk.deleted(guest, frozenset({one})).deletes
    assert len(talk.deleted(guest, frozenset({one})).deletes) == len(guest.deletes) - 1


# Looking


def test_every_place_where_an_honest_box_may_lie_is_looked_at_within_128_turns(pair: Pair) -> None:
    host = pair.host
    while len(host.outbox) < 60:
        host = said(host, "x")
    lying = boxes_of(host)
    only = list(lying)[1::7]
    # Once the guest has written, the host's next chain is looked for as well.
    guest, _ = heard(receipt(receipt(pair.guest)), only[0], lying[only[0]])
    for most in (4, 6, 12, 32):
        looked = {
            place for turn in range(128) for place in talk.places(guest, most=most, turn=turn)
        }
        assert set(lying) - {only[0]} - {out.place.id for out in pair.host.outbox} <= looked


@given(most=st.integers(1, 40), turn=st.integers(0, 10**6))
@settings(max_examples=50)
def test_never_more_places_than_asked_for_and_the_next_ones_are_always_among_them(
    most: int, turn: int
) -> None:
    host = contested(said(contested(said(PAIR.host, "1")), "2"))
    wanted = talk.places(host, most=most, turn=turn)
    assert len(wanted) == len(set(wanted)) <= most
    if most >= 6:
        assert {out.place.id for out in host.outbox if out.contested} & set(wanted)
        assert newest(receipt(PAIR.guest))[0] in wanted


# Hostile peers: a header that is sealed rightly and says something odd


def forged(
    writer: Conversation, change: Callable[[Header], Header], *, body: bytes = bytes(1608)
) -> tuple[MailboxId, bytes]:
    """A box as the writer would seal it at its next place, with another header or body."""
    chain = writer.ratchet.sending
    assert chain is not None
    place = place_at(chain.mailbox_key, chain.index)
    return place.id, seal_box(
        place.id,
        header_key=place.header_key,
        header=change(Header(chain.keys, chain.index, chain.previous_length)),
        body_key=body_key(chain.chain_key),
        body=body,
        entropy=ENTROPY,
    )


def test_a_header_that_tells_another_place_than_its_own_is_left_alone(pair: Pair) -> None:
    place, box = forged(pair.host, lambda header: replace(header, index=header.index + 1))
    assert heard(pair.guest, place, box) == (pair.guest, ())


def test_a_header_with_other_keys_means_a_copy(pair: Pair) -> None:
    place, box = forged(
        pair.host, lambda header: replace(header, keys=replace(header.keys, ct=bytes(1088)))
    )
    assert is_broken(heard(pair.guest, place, box)[1])


def test_another_length_of_the_previous_chain_later_in_a_chain_changes_nothing(pair: Pair) -> None:
    guest = said(pair.guest, "one")
    host, _ = collected(pair.host, guest)
    place, box = forged(guest, lambda header: replace(header, previous_length=60))
    after, _ = heard(host, place, box)
    assert after.reading.lengths == host.reading.lengths
    assert after.reading.chain == host.reading.chain


def test_a_body_that_is_not_in_the_format_is_shown_as_unreadable(pair: Pair) -> None:
    place, box = forged(pair.host, lambda header: header, body=b"\xff" * 1608)
    guest, events = heard(pair.guest, place, box)
    assert [e.body.kind for e in events if isinstance(e, Arrived)] == [UNREADABLE]
    assert guest.deletes[-1] == place_at_of(pair.host)


def place_at_of(writer: Conversation) -> bytes:
    chain = writer.ratchet.sending
    assert chain is not None
    return place_at(chain.mailbox_key, chain.index).delete_key


# What a stolen state shows


def test_body_keys_are_not_in_the_writers_state_after_sealing(pair: Pair) -> None:
    chain = pair.host.ratchet.sending
    assert chain is not None
    host = said(pair.host, "one")
    assert holds(pair.host, chain.chain_key)
    assert not holds(host, chain.chain_key)
    assert not holds(host, body_key(chain.chain_key))


def test_the_readers_keys_of_an_opened_box_are_gone(pair: Pair) -> None:
    chain = pair.guest.ratchet.receiving
    assert chain is not None
    guest, _ = collected(pair.guest, said(pair.host, "one"))
    assert not holds(guest, chain.chain_key)
    assert not holds(guest, body_key(chain.chain_key))
    assert not any(item == "one" for item in inside(guest))
