"""A conversation: each letter once, nothing lost in silence, copies noticed, nothing left."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_protocol import conversation as talk
from ojak_protocol import ratchet
from ojak_protocol.acknowledgement import MOST_UNACKNOWLEDGED, Outcome
from ojak_protocol.addresses import BOX_BYTES, DeleteKey, MailboxId
from ojak_protocol.box import SEALED_HEADER_BYTES
from ojak_protocol.chains import body_key, place_at
from ojak_protocol.conversation import (
    LETTER_TTL_SECONDS,
    UNREADABLE,
    Arrived,
    Conversation,
)
from ojak_protocol.errors import Exhausted, LocalError, Reason, Refused
from ojak_protocol.letters import Body, Kind
from tests.people import (
    ENTROPY,
    KEM,
    NOW,
    Pair,
    boxes_of,
    collected,
    contested,
    forged,
    heard,
    holds,
    inside,
    is_broken,
    meet,
    newest,
    outcomes,
    receipt,
    said,
    texts,
)


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
    before = said(pair.host, "before")
    one, other = said(before, "one").outbox[-1], said(before, "other").outbox[-1]
    assert one.place == other.place
    guest, _ = collected(pair.guest, before)
    for body in (one.letter, one.withdrawn):
        mixed = other.letter[:SEALED_HEADER_BYTES] + body[SEALED_HEADER_BYTES:]
        assert heard(guest, one.place.id, mixed) == (guest, ())


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


def test_no_more_than_64_places_wait_behind_a_gap(pair: Pair) -> None:
    host, guest = said(pair.host, "missing"), pair.guest
    free = host.writing
    for _ in range(MOST_UNACKNOWLEDGED):
        # Who writes on without end is no honest writer.
        host = receipt(replace(host, writing=free))
        guest, events = heard(guest, *newest(host))
        assert events
    host = receipt(replace(host, writing=free))
    assert heard(guest, *newest(host)) == (guest, ())


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


def behind_one_that_is_missing() -> Conversation:
    """Return the guest after the second of two letters: a place is missing, and one waits less."""
    second = said(said(PAIR.host, "1"), "2")
    place, box = newest(second)
    return heard(receipt(receipt(PAIR.guest)), place, box)[0]


@given(
    most=st.integers(1, 140),
    turn=st.integers(0, 10**6),
    state=st.sampled_from([PAIR.host, PAIR.guest, behind_one_that_is_missing()]),
)
def test_places_ahead_come_from_both_chains_step_by_step_and_the_last_of_them_in_turn(
    most: int, turn: int, state: Conversation
) -> None:
    missing, *chains = ratchet.expected_places(state.ratchet)
    start = turn % len(missing) if missing else 0
    first = [place.id for place in missing[start:] + missing[:start]][: most // 2]
    ahead = [chain[step].id for step in range(64) for chain in chains if step < len(chain)]
    near = ahead[: most - len(first)]
    if len(ahead) > len(near) > 1:
        rest = ahead[len(near) - 1 :]
        near[-1] = rest[turn % len(rest)]
    assert talk.places(state, most=most, turn=turn) == (*first, *near)


# Hostile peers: a header that is sealed rightly and says something odd


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


def test_what_a_relay_says_of_other_places_makes_no_new_state() -> None:
    """A reply says so of most places: the very same state is what nothing has to be saved for."""
    state = said(meet().guest, "letter")
    strange = MailboxId(bytes(32))
    assert talk.absent(state, strange) is state
    assert talk.deleted(state, frozenset({DeleteKey(bytes(32))})) is state


def test_what_is_said_of_a_place_that_is_none_of_ours_changes_nothing(pair: Pair) -> None:
    host = said(pair.host, "one")
    assert talk.stored(host, MailboxId(bytes(32)), now=NOW) is host
