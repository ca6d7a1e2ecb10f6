"""Copies of either side are noticed, feigned ones are not believed, and both people are told."""

from dataclasses import replace

import pytest

from ojak_protocol import conversation as talk
from ojak_protocol import ratchet
from ojak_protocol.acknowledgement import Outcome, Writing
from ojak_protocol.addresses import BOX_BYTES, MailboxId
from ojak_protocol.conversation import (
    AGAIN_SECONDS,
    LETTER_TTL_SECONDS,
    Broken,
    Conversation,
)
from ojak_protocol.errors import LocalError
from ojak_protocol.letters import Body, Kind, decode_body
from ojak_protocol.ratchet import MOST_END_KEYS
from ojak_protocol.read_places import MOST_READ_CHAINS, MOST_READ_PLACES
from tests.people import (
    ENTROPY,
    KEM,
    NOW,
    Pair,
    collected,
    contested,
    forged,
    heard,
    is_broken,
    newest,
    outcomes,
    receipt,
    said,
    texts,
)


def watched(state: Conversation) -> tuple[MailboxId, ...]:
    """Every place at which only a copy shows, the most telling first."""
    places = talk.watched(state, range(talk.count_watched(state)))
    return tuple(places[at] for at in sorted(places))


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


@pytest.mark.parametrize("expired", [False, True])
def test_a_relay_that_damages_the_body_of_our_own_box_cannot_feign_a_copy(
    pair: Pair, *, expired: bool
) -> None:
    host = said(pair.host, "one", expires_at=NOW)
    place, letter = newest(host)
    # The header is as we sealed it and opens; only what stands behind it is another.
    host = contested(talk.expire(host, now=NOW) if expired else host)
    for kept in (letter, host.outbox[-1].withdrawn):
        after, events = heard(host, place, kept[:-1] + bytes([kept[-1] ^ 1]))
        assert not is_broken(events)
        assert talk.due(after, now=NOW)[-1].replaces


def test_a_copy_from_before_its_own_chain_finds_boxes_shut(pair: Pair) -> None:
    guest = said(pair.guest, "before")
    copy, _ = collected(pair.host, guest)
    first, copy = said(copy, "from the first"), said(copy, "from the copy")
    guest, _ = collected(guest, first)
    place, box = newest(said(guest, "to the first"))
    assert heard(copy, place, box) == (copy, ())
    assert talk.is_shut(copy, place, box)
    assert not talk.is_shut(replace(copy, broken=True), place, box)


def test_a_box_with_a_damaged_body_is_shut_and_what_the_other_side_did_not_seal_is_not(
    pair: Pair,
) -> None:
    place, box = newest(said(pair.host, "one"))
    for at, is_shut in ((3999, True), (2352, True), (0, False), (2300, False)):
        damaged = bytearray(box)
        damaged[at] ^= 1
        assert talk.is_shut(pair.guest, place, bytes(damaged)) is is_shut
    assert not talk.is_shut(pair.guest, MailboxId(bytes(32)), box)
    # Of a place that was passed over as well.
    ahead = newest(said(pair.host, "one", "two"))
    guest, _ = heard(pair.guest, *ahead)
    assert talk.is_shut(guest, place, box[:-1] + bytes([box[-1] ^ 1]))


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
    farewell, beside = talk.due(host, now=NOW)
    assert farewell.replaces
    assert beside.place.id in watched(pair.guest)
    assert heard(pair.guest, beside.place.id, beside.box)[1] == (Broken(),)
    assert len(farewell.box) == BOX_BYTES
    assert farewell.place.id in talk.places(pair.guest, most=6, turn=0)
    guest, events = heard(pair.guest, farewell.place.id, farewell.box)
    assert events == (Broken(),)
    assert guest.broken
    # It is left where it lies, and told in turn: for every copy of either side.
    assert farewell.place.delete_key not in guest.deletes
    assert guest.owes_end
    assert talk.due(guest, now=NOW) == ()
    assert talk.places(guest, most=6, turn=0) == ()
    assert watched(guest) == ()
    assert len(talk.due(ended(guest), now=NOW)) == 2


def test_a_broken_conversation_sends_its_end_and_nothing_else(pair: Pair) -> None:
    host = broken_host(Pair(said(pair.host, "unread", reference=7), pair.guest))
    assert talk.due(host, now=NOW) == ()
    host = ended(host)
    farewells = talk.due(host, now=NOW)
    assert [out.reference for out in farewells] == [0, 0]
    for farewell in farewells:
        host = talk.stored(host, farewell.place.id, now=NOW)
    assert talk.due(host, now=NOW) == ()
    again = talk.due(host, now=NOW + LETTER_TTL_SECONDS // 3)
    assert [out.box for out in again] == [out.box for out in farewells]
    assert all(out.replaces for out in again)
    assert talk.recall(host, 7) == (host, False)


@pytest.mark.parametrize("kind", [Kind.GREETING, Kind.TEXT, Kind.ENDED])
def test_a_broken_conversation_is_not_written_to(pair: Pair, kind: Kind) -> None:
    for host in (broken_host(pair), ended(broken_host(pair))):
        with pytest.raises(LocalError):
            talk.write(host, Body(kind), reference=0, entropy=ENTROPY, kem=KEM)


def test_only_a_side_that_knows_of_a_copy_writes_an_end_and_only_once(pair: Pair) -> None:
    with pytest.raises(LocalError):
        ended(pair.host)
    with pytest.raises(LocalError):
        talk.write(pair.host, Body(Kind.ENDED), reference=0, entropy=ENTROPY, kem=KEM)
    host = ended(broken_host(pair))
    with pytest.raises(LocalError):
        ended(host)
    guest, _ = heard(pair.guest, host.farewell[0].place.id, host.farewell[0].box)
    guest = ended(guest)
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
    farewell, beside, *_ = ended(broken_host(Pair(host, guest))).farewell
    assert beside.letter[:24] != farewell.letter[:24]
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
    farewell = talk.due(ended(ours), now=NOW)[0]
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
    farewell = talk.due(ended(ours), now=NOW)[0]
    read, events = heard(guest, place, box)
    assert texts(events) == ["from the other"]
    assert heard(read, farewell.place.id, farewell.box)[1] == (Broken(),)
    # Read first, it is the end itself.
    guest, events = heard(guest, farewell.place.id, farewell.box)
    assert events == (Broken(),)


# Places that were read, and the place beside a chain


def test_c10_a_second_box_where_one_was_read_is_a_copys(pair: Pair) -> None:
    both = said(pair.host, "before")
    first, second = said(both, "from one"), said(both, "from its copy")
    guest, _ = collected(pair.guest, first)
    place, box = newest(second)
    assert place in watched(guest)
    guest, events = heard(guest, place, box)
    assert events == (Broken(),)
    # Its writer is told beside the chain in which the second box lay.
    told = ended(guest).farewell[1:]
    assert {out.place.id for out in told} & set(watched(second))
    assert any(is_broken(heard(second, out.place.id, out.box)[1]) for out in told)


def test_c10_a_box_behind_the_end_of_a_chain_is_a_copys(pair: Pair) -> None:
    """The copy missed the chain that answered its own, and goes on in a chain that has ended."""
    copy = said(pair.host, "before")
    guest, _ = collected(pair.guest, copy)
    guest = said(guest, "reply")
    host, _ = collected(copy, guest)
    host = said(host, "after a turn") if ratchet.begins_chain(host.ratchet) else host
    guest, _ = collected(guest, host)
    guest = said(guest, "again")
    host, _ = collected(host, guest)
    host = said(host, "in a later chain")
    guest, _ = collected(guest, host)
    place, box = newest(said(copy, "where nobody looked"))
    assert place in watched(guest)
    assert heard(guest, place, box)[1] == (Broken(),)


def test_h2_what_was_read_is_deleted_once_more_where_it_is_shown_again(pair: Pair) -> None:
    host = said(pair.host, "one")
    place, box = newest(host)
    guest, _ = heard(pair.guest, place, box)
    key = host.outbox[-1].place.delete_key
    assert key in guest.deletes
    assert heard(guest, place, box) == (guest, ())
    guest = talk.deleted(guest, frozenset({key}))
    # Its withdrawn form says no more than that it was not asked back in time.
    for shown in (box, host.outbox[-1].withdrawn):
        again, events = heard(guest, place, shown)
        assert events == ()
        assert again.deletes == (*guest.deletes, key)
        assert replace(again, ratchet=guest.ratchet, deletes=guest.deletes) == guest
        # A relay that goes on showing it changes nothing more.
        again = talk.deleted(again, frozenset({key}))
        assert heard(again, place, shown) == (again, ())


@pytest.mark.parametrize("position", [0, 23, 24, 2351])
def test_h1_what_nobody_of_the_two_sealed_feigns_no_copy_where_one_was_read(
    pair: Pair, position: int
) -> None:
    host = said(pair.host, "one")
    guest, _ = collected(pair.guest, host)
    place, box = newest(host)
    damaged = bytearray(box)
    damaged[position] ^= 1
    after, events = heard(guest, place, bytes(damaged))
    assert events == ()
    assert not after.broken
    for beside in watched(guest):
        assert not heard(guest, beside, bytes(damaged))[1]
        assert not heard(guest, beside, bytes(BOX_BYTES))[1]


def test_a_place_that_was_lost_proves_nothing_when_its_box_comes_late(pair: Pair) -> None:
    guest, host = pair.guest, said(pair.host, "late", "read")
    late = newest(replace(host, outbox=host.outbox[:-1]))
    guest, _ = heard(guest, *newest(host))
    for _ in range(3):
        guest = said(guest, "turn")
        host, _ = collected(host, guest)
        host = said(host, "turn")
        guest, _ = heard(guest, *newest(host))
    assert heard(guest, *late) == (guest, ())


def test_of_what_was_read_a_bounded_number_of_places_is_kept(pair: Pair) -> None:
    guest, host = pair.guest, pair.host
    for turn in range(12):
        host = said(host, *"letters"[: 1 + turn % 7])
        guest, _ = collected(guest, host)
        guest = said(guest, "turn")
        host, _ = collected(host, guest)
    for state in (guest, host):
        assert len(state.ratchet.read) <= MOST_READ_CHAINS
        assert sum(len(one.seals) for one in state.ratchet.read) <= MOST_READ_PLACES
        assert len(state.ratchet.end_keys) == MOST_END_KEYS
        places = watched(state)
        assert len(places) == len(set(places)) <= 61
    monologue = host
    for number in range(60):
        monologue = said(monologue, f"{number}")
        guest, _ = collected(guest, monologue)
        monologue = replace(monologue, outbox=(), writing=Writing())
    assert sum(len(one.seals) for one in guest.ratchet.read) == MOST_READ_PLACES
    assert newest(said(host, "0"))[0] not in watched(guest), "too old"


# Depositing


def test_a_letter_is_deposited_a_second_time_after_two_hours_and_a_receipt_is_not(
    pair: Pair,
) -> None:
    host = receipt(said(pair.host, "one", reference=7))
    for out in talk.due(host, now=NOW):
        host = talk.stored(host, out.place.id, now=NOW)
    soon, letter = NOW + AGAIN_SECONDS, host.outbox[-2]
    assert talk.due(host, now=soon - 1, again=True) == ()
    assert talk.due(host, now=soon) == ()
    assert [out.place for out in talk.due(host, now=soon, again=True)] == [letter.place]
    host = talk.stored(host, letter.place.id, now=soon)
    assert talk.due(host, now=soon + AGAIN_SECONDS, again=True) == ()
    assert len(talk.due(host, now=soon + LETTER_TTL_SECONDS // 3, again=True)) > 1
    # A form that goes over another is new, and begins anew.
    host, _ = talk.recall(host, 7)
    host = talk.stored(host, letter.place.id, now=soon)
    assert letter.place in [
        out.place for out in talk.due(host, now=soon + AGAIN_SECONDS, again=True)
    ]
