"""Who knows the answers and acknowledges nothing fills no vault; the family gets its letters."""

import os
from dataclasses import replace
from functools import partial

import pytest

from ojak_client import outgoing_room
from ojak_client.apply import MOST_RECEIPT_DELAY_SECONDS, RECEIPT_DELAY_SECONDS
from ojak_client.box_file import PAGES
from ojak_client.boxes_in_profile import map_boxes
from ojak_client.outgoing_room import (
    MOST_LETTERS,
    MOST_PASSING_LETTERS,
    MOST_PASSING_RECEIPTS,
    MOST_RECEIPTS,
    MOST_RECEIPTS_A_VISIT,
    sealed_in,
)
from ojak_client.prepare import prepare
from ojak_client.profile import Contact, Line, Profile
from ojak_client.requests import Shape
from ojak_protocol import conversation as talk
from ojak_protocol.addresses import MailboxId
from ojak_protocol.conversation import Conversation
from ojak_protocol.cpace import Share
from ojak_protocol.details import QuestionOutcome, QuestionReply
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_point import DIES_AT
from ojak_protocol.sync import Deposit, SyncClass, SyncRequest
from tests.client.persons import (
    RELAY,
    Clock,
    Person,
    guest_of,
    host_of,
    kept_pair,
    line_of,
    moment,
)
from tests.client.replies import our
from tests.client.simulated_relay import SimulatedRelay
from tests.people import ALARM, KEM, RIGHT, meet

PAGES_A_BOX = 2
PAGES_A_VISIT = 8
"""Two letters in either branch, each with its withdrawn form."""
REPLIES = MOST_RECEIPTS_A_VISIT + 4


def reply_to_no_question(state: Conversation) -> Conversation:
    """As a client of one's own does it: it owes nothing and has no bound."""
    nothing_asked = QuestionReply(os.urandom(16), Share(os.urandom(32)), os.urandom(32))
    return talk.write(
        replace(state, owes_receipt=False, outbox=()),
        Body(Kind.REPLY, details=nothing_asked),
        reference=0,
        entropy=os.urandom,
        kem=KEM,
    )


def stranger_comes(
    relay: SimulatedRelay, clock: Clock, host: Person, typed: bytes, *, replies: int = REPLIES
) -> Line:
    """Somebody with the answers comes, acknowledges nothing, and answers what nobody asked."""
    exchange = host.exchange()
    for _ in range(2):
        exchange.round(Shape(room=4))
    guest = guest_of(relay, clock, typed=typed, keeps=False)
    guest.write("x")
    for _ in range(2):
        guest.sync()
        exchange.round(Shape(room=16))
        exchange.round(Shape(room=16))
    guest.sync()
    state = guest.contact.lines[-1].conversation
    polls = tuple(MailboxId(os.urandom(32)) for _ in range(SyncClass.ONE.polls))
    for _ in range(replies):
        state = reply_to_no_question(state)
        box = Deposit(state.outbox[-1].place.id, None, 600_000, 0, state.outbox[-1].letter)
        relay._honest(SyncRequest(SyncClass.ONE, polls, deposits=(box,)))  # noqa: SLF001 - as it stands
        for _ in range(2):
            exchange.round(Shape(room=16))
    return host.contact.lines[-1]


def pages(profile: Profile) -> int:
    boxes: set[bytes] = set()

    def note(box: bytes) -> bytes:
        boxes.add(box)
        return box

    map_boxes(profile, note)
    return len(boxes)


@pytest.mark.parametrize("typed", [RIGHT, ALARM])
def test_whoever_acknowledges_nothing_is_answered_a_few_times_with_either_word(
    typed: bytes, relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock, alarm=ALARM)
    line = stranger_comes(relay, clock, host, typed)
    assert len(line.conversation.outbox) == MOST_RECEIPTS_A_VISIT
    assert line.receipt_due_at
    assert pages(host.store.read()) <= PAGES_A_BOX * MOST_RECEIPTS_A_VISIT + PAGES_A_VISIT


def test_a_host_without_that_bound_would_be_found(
    relay: SimulatedRelay, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing_room, "MOST_RECEIPTS_A_VISIT", 64)
    host = host_of(relay, clock, alarm=ALARM)
    line = stranger_comes(relay, clock, host, ALARM)
    assert len(line.conversation.outbox) >= REPLIES


def test_everything_that_is_ever_sealed_has_room_in_the_vault() -> None:
    """With two sets of answers of which strangers used up every try."""
    visits = 2 * DIES_AT * PAGES_A_VISIT
    assert PAGES_A_BOX * (MOST_LETTERS + MOST_RECEIPTS) + visits <= PAGES


def with_receipts(count: int, **changes: object) -> Line:
    """A line with so many boxes that carry no letter and that nobody acknowledged."""
    side = replace(meet().host, outbox=())
    for _ in range(count):
        side = talk.write(side, Body(Kind.GREETING), reference=0, entropy=os.urandom, kem=KEM)
    return line_of(side, **changes)  # type: ignore[arg-type] # of each field its own type


def test_the_share_of_strangers_leaves_receipts_for_the_family() -> None:
    visits = tuple(
        with_receipts(MOST_RECEIPTS_A_VISIT, kept=False)
        for _ in range(MOST_PASSING_RECEIPTS // MOST_RECEIPTS_A_VISIT)
    )
    held = with_receipts(0, held=True, receipt_due_at=1)
    kept = with_receipts(0, receipt_due_at=1)
    one, other = Contact("a", RELAY, lines=visits), Contact("b", RELAY, lines=(held, kept))
    assert sealed_in((one,)).passing_receipts == MOST_PASSING_RECEIPTS
    # None of the first is erased: they stand at another relay.
    one = replace(one, relay="https://other.example")
    profile, _ = prepare(Profile((one, other)), RELAY, moment())
    after = profile.contacts[1].lines
    assert [len(line.conversation.outbox) for line in after] == [0, 1]


def test_the_share_of_visits_leaves_letters_for_those_who_stay() -> None:
    letters = tuple(our(n) for n in range(1, 60))
    contacts = tuple(
        Contact(name, RELAY, lines=(with_receipts(0, kept=kept),), ours=letters)
        for name, kept in (("a", False), ("b", False), ("c", False), ("d", True))
    )
    profile, _ = prepare(Profile(contacts), RELAY, moment())
    sealed = [len(contact.lines[0].conversation.outbox) for contact in profile.contacts]
    # Of half of it each has a part, also the last, to whom nobody came.
    least = MOST_PASSING_LETTERS // 8
    assert sealed == [59, MOST_PASSING_LETTERS - 59 - 2 * least, least, 59]


def test_receipts_to_a_side_that_acknowledges_none_go_more_and_more_seldom(
    relay: SimulatedRelay, clock: Clock
) -> None:
    delays = []
    for count in (0, 1, 4, 20):
        host, guest = kept_pair(relay, clock)
        host.change(partial(_with_greetings, count=count))
        # As many are unacknowledged as he has not heard of yet.
        guest.write("편지")
        guest.exchange().round(Shape(guest=True))
        guest.exchange().round(Shape(guest=True))
        host.exchange().round(Shape(room=16))
        delays.append(host.contact.lines[0].receipt_due_at - clock.now)
    least, most = RECEIPT_DELAY_SECONDS
    for count, delay in zip((0, 1, 4), delays, strict=False):
        assert 2**count * least <= delay < 2**count * most
    assert delays[3] == MOST_RECEIPT_DELAY_SECONDS


def _with_greetings(contact: Contact, *, count: int) -> Contact:
    side = contact.lines[0].conversation
    for _ in range(count - len(side.outbox)):
        side = talk.write(side, Body(Kind.GREETING), reference=0, entropy=os.urandom, kem=KEM)
    side = replace(side, outbox=side.outbox[:count])
    return replace(contact, lines=(replace(contact.lines[0], conversation=side),))


def test_an_outcome_has_no_room_beside_a_letter_where_no_receipt_has() -> None:
    state = meet().host
    for _ in range(MOST_RECEIPTS_A_VISIT):
        state = talk.write(state, Body(Kind.GREETING), reference=0, entropy=os.urandom, kem=KEM)
    outcome = QuestionOutcome(os.urandom(16), os.urandom(32))
    line = line_of(state, kept=False, outcomes=(outcome,))
    contact = Contact("", RELAY, lines=(line,), ours=(our(3),))
    (later,) = prepare(Profile((contact,)), RELAY, moment())[0].contacts[0].lines
    sealed = later.conversation.outbox
    assert [out.reference for out in sealed[MOST_RECEIPTS_A_VISIT:]] == [3]
    assert later.outcomes == (outcome,)
    # It goes once some were acknowledged.
    fewer = replace(later, conversation=replace(later.conversation, outbox=sealed[1:]))
    fewer = replace(fewer, receipt_due_at=moment().now)
    (later,) = (
        prepare(Profile((replace(contact, lines=(fewer,)),)), RELAY, moment())[0].contacts[0].lines
    )
    assert later.outcomes == ()


def test_b1_letters_that_strangers_do_not_acknowledge_keep_back_none_to_the_family() -> None:
    """They met twice at each of two contacts, to whom our person had written for weeks."""
    weeks = tuple(our(number) for number in range(100, 160))
    strangers = [Contact(name, RELAY, ours=weeks) for name in ("가", "나")]
    family = Contact("다", RELAY, lines=(line_of(meet().host),))
    profile = Profile((*strangers, family))
    for _ in range(2):
        *met, family = profile.contacts
        met = [replace(one, lines=(*one.lines, line_of(meet().host))) for one in met]
        profile, _ = prepare(Profile((*met, family)), RELAY, moment())
    *met, family = profile.contacts
    family = replace(family, ours=tuple(our(number) for number in range(20)))
    profile, _ = prepare(Profile((*met, family)), RELAY, moment())
    assert len(profile.contacts[-1].lines[0].conversation.outbox) == 20
    assert sealed_in(profile.contacts).letters <= MOST_LETTERS
