"""C12: who knows all keys and says impossible numbers costs bounded work and bounded room.

The other side of a conversation, or whoever forces it, seals what it likes. Work is counted in
hashes and derivations, room in keys and places that are kept; neither is measured in time. What is
refused changes nothing.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

import pytest

from ojak_client.store import encode
from ojak_protocol import conversation as talk
from ojak_protocol import primitives
from ojak_protocol.acknowledgement import (
    MOST_UNACKNOWLEDGED,
    Acknowledgement,
    Entry,
    accepted,
)
from ojak_protocol.addresses import MailboxId
from ojak_protocol.box import Header
from ojak_protocol.chains import next_chain_key, next_mailbox_key
from ojak_protocol.conversation import Arrived, Conversation
from ojak_protocol.letters import Body, Kind, encode_body
from ojak_protocol.ratchet import MOST_SKIPPED
from tests.client.persons import Clock, kept_pair
from tests.client.simulated_relay import SimulatedRelay
from tests.people import (
    Pair,
    collected,
    forged,
    heard,
    is_broken,
    meet,
    newest,
    receipt,
    said,
    texts,
)

COUNTED = {primitives.mac.__code__, primitives.blake2b.__code__, primitives.kdf.__code__}
MOST_STEPS = 1000
"""For one box, wherever it lies and whatever it says: the 128 places at which one may lie, each of
four steps, twice over. An honest box needs under 20 where it is looked for first."""
HUGE = (2**32, 2**60, 2**64 - 1)


def steps_of(work: Callable[[], object]) -> int:
    """How many hashes and derivations *work* does."""
    counted = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal counted
        counted += event == "call" and frame.f_code in COUNTED

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted


def stored_keys(state: Conversation) -> int:
    """How many places of the other side are kept with keys that open them."""
    chains = (state.ratchet.receiving, state.ratchet.ended)
    return sum(len(chain.skipped) for chain in chains if chain is not None)


def further(writer: Conversation, places: int) -> Conversation:
    """The writer, who passes over so many places of its chain."""
    chain = writer.ratchet.sending
    assert chain is not None
    for _ in range(places):
        chain = replace(
            chain,
            index=chain.index + 1,
            mailbox_key=next_mailbox_key(chain.mailbox_key),
            chain_key=next_chain_key(chain.chain_key),
        )
    return replace(writer, ratchet=replace(writer.ratchet, sending=chain))


@pytest.fixture(scope="module")
def pair() -> Pair:
    """A host in whose chain the guest writes on, both with a chain of their own."""
    made = meet()
    host = said(made.host, "하나")
    guest, _ = collected(made.guest, host)
    guest = said(guest, "답")
    host, _ = collected(host, guest)
    return Pair(host, guest)


def refused(reader: Conversation, place: bytes, box: bytes) -> None:
    """Assert that it changes nothing, at bounded cost."""
    after: list[Conversation] = []
    steps = steps_of(lambda: after.append(heard(reader, place, box)[0]))
    assert after == [reader]
    assert steps < MOST_STEPS


# Places far ahead


def test_c12_a_letter_two_thousand_places_ahead_is_refused_at_bounded_cost(pair: Pair) -> None:
    far = said(further(pair.guest, 2000), "너무 멀다")
    refused(pair.host, *newest(far))
    near = said(further(pair.guest, MOST_SKIPPED - 1), "아직 가깝다")
    host, events = heard(pair.host, *newest(near))
    assert texts(events) == ["아직 가깝다"]
    assert stored_keys(host) == MOST_SKIPPED - 1


def test_c12_two_thousand_places_with_gaps_leave_bounded_keys(pair: Pair) -> None:
    writer, reader, opened = pair.guest, pair.host, 0
    for n in range(1000):
        writer = further(replace(writer, outbox=(), writing=pair.guest.writing), 1)
        writer = said(writer, f"{n}")
        if n > 2 * MOST_SKIPPED and n % 40:
            continue  # Where nothing opens any more, a sample of the rest is as good.
        place, box = newest(writer)
        if place in talk.places(reader, most=300, turn=0):
            reader, events = heard(reader, place, box)
            opened += bool(texts(events))
        else:
            refused(reader, place, box)
        assert stored_keys(reader) <= MOST_SKIPPED
    assert stored_keys(reader) == opened == MOST_SKIPPED - 1


def test_c12_keys_of_places_passed_over_expire_two_turns_later(pair: Pair) -> None:
    host, guest = pair.host, further(pair.guest, 20)
    kept = []
    for _ in range(3):
        guest = said(guest, "묻는다")
        host, events = heard(host, *newest(guest))
        assert texts(events) == ["묻는다"]
        kept.append(stored_keys(host))
        host = said(host, "답한다")
        guest, _ = heard(guest, *newest(host))
    assert kept == [20, 20, 0]


# Numbers in headers


@pytest.mark.parametrize("number", [2**31, 2**32 - 1])
def test_c12_impossible_numbers_in_a_header_are_refused(number: int, pair: Pair) -> None:
    def of_index(header: Header) -> Header:
        return replace(header, index=number)

    def of_previous(header: Header) -> Header:
        return replace(header, previous_length=number)

    refused(pair.host, *forged(pair.guest, of_index))
    # A new chain: here the previous length counts.
    host = said(pair.host, "둘")
    guest, _ = collected(pair.guest, host)
    guest = said(guest, "새 사슬")
    greeting = encode_body(Body(Kind.GREETING))
    refused(host, *forged(guest, of_previous, body=greeting))
    refused(host, *forged(guest, of_index, body=greeting))
    assert heard(host, *forged(guest, lambda header: header, body=greeting))[1]
    assert texts(heard(host, *newest(guest))[1]) == ["새 사슬"]


# Numbers in bodies


@pytest.mark.parametrize("number", HUGE)
def test_c12_an_acknowledgement_of_impossible_counts_ends_the_conversation_at_once(
    number: int, pair: Pair
) -> None:
    told = Acknowledgement(number, bytes(8), number, number)
    body = encode_body(Body(Kind.GREETING, acknowledgement=told))
    place, box = forged(pair.guest, lambda header: header, body=body)
    steps = steps_of(lambda: heard(pair.host, place, box))
    assert is_broken(heard(pair.host, place, box)[1])
    assert steps < MOST_STEPS


@pytest.mark.parametrize("number", HUGE)
def test_c12_a_letter_with_huge_times_and_counts_is_kept_like_any_other(number: int) -> None:
    clock = Clock()
    host, guest = kept_pair(SimulatedRelay(clock), clock)
    size = len(encode(host.store.read()))
    state = guest.contact.lines[0].conversation
    body = Body(Kind.TEXT, "큰 수", expires_at=number, following=number)
    sealed = encode_body(body)
    place, box = forged(state, lambda header: header, body=sealed)
    after, events = heard(host.contact.lines[0].conversation, place, box)
    assert [event.body for event in events if isinstance(event, Arrived)] == [body]
    assert stored_keys(after) <= 1
    assert len(encode(host.store.read())) == size


# Behind a gap


def behind_a_gap(pair: Pair, boxes: int) -> tuple[Conversation, int]:
    """The reader after so many boxes behind one that never came, and how many of them opened."""
    writer = further(pair.guest, 1)
    reader, opened = pair.host, 0
    for _ in range(boxes):
        writer = receipt(replace(writer, outbox=(), writing=pair.guest.writing))
        before = reader
        reader, _ = heard(reader, *newest(writer))
        opened += reader is not before
    return reader, opened


def test_c12_what_waits_behind_a_gap_is_bounded(pair: Pair) -> None:
    reader, opened = behind_a_gap(pair, 300)
    # An honest writer has 64 places that were not acknowledged, the missing one among them.
    assert opened <= MOST_UNACKNOWLEDGED
    assert len(reader.reading.waiting) <= MOST_UNACKNOWLEDGED


# Planted bugs


def test_a_reader_that_skips_without_bound_would_be_found(pair: Pair) -> None:
    assert steps_of(lambda: further(pair.guest, 2000)) > MOST_STEPS


def test_a_reader_that_keeps_whatever_waits_would_be_found(pair: Pair) -> None:
    reading = pair.host.reading
    for index in range(5, 305):
        place = MailboxId(index.to_bytes(32, "big"))
        reading = accepted(reading, Entry(reading.chain, index, place, b"form", withdrawn=False))
    assert len(reading.waiting) > MOST_UNACKNOWLEDGED
