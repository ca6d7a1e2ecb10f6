"""B1: a go-between who has the number guesses, fills, closes, erases or sits down, and is seen.

What a guess is worth is H7; what spent answers are worth stands in tests/client.
"""

import pytest

from ojak_client.notices import NoticeKind
from ojak_client.profile import LetterState, with_point
from ojak_protocol import meeting_point as point_
from ojak_protocol.addresses import DeleteKey, mailbox_id
from ojak_protocol.guest import offer_places
from ojak_protocol.meeting_places import answer_place
from ojak_protocol.meeting_point import CLOSES_AT, DIES_AT, MeetingPoint
from ojak_protocol.primitives import KEY_BYTES
from ojak_protocol.sync import (
    REPLY_BYTES,
    Deposit,
    DepositOutcome,
    SyncClass,
    SyncRequest,
    decode_reply,
    encode_request,
)
from tests.client.persons import Clock, Person, guest_of, host_of
from tests.hostile.relays import HostileRelay
from tests.people import DAY, ENTROPY, SEED, WRONG


def point_of(host: Person) -> MeetingPoint:
    return host.contact.sets[0].point


def reopen(host: Person) -> None:
    host.change(lambda contact: with_point(contact, point_.reopen(point_of(host))))


def guess(relay: HostileRelay, clock: Clock, host: Person, typed: bytes = WRONG) -> Person:
    """Somebody with the number comes and goes."""
    stranger = guest_of(relay, clock, typed=typed)
    for person in (host, stranger, host, stranger):
        person.sync()
    return stranger


def ask(relay: HostileRelay, **parts: tuple[object, ...]) -> tuple[DepositOutcome, ...]:
    """What the go-between asks of the relay himself, without any of our clients."""
    polls = tuple(mailbox_id(DeleteKey(ENTROPY(KEY_BYTES))) for _ in range(SyncClass.FOUR.polls))
    request = SyncRequest(SyncClass.FOUR, polls, **parts)  # type: ignore[arg-type] # of each its own
    body = relay.sync(encode_request(request), reply_bytes=REPLY_BYTES[0], wait_seconds=0)
    return decode_reply(body, request).deposits


def test_b1_after_five_guesses_the_point_is_closed_until_its_person_opens_it_again(
    relay: HostileRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    host.write("Brief")
    for _ in range(CLOSES_AT):
        guess(relay, clock, host)
        clock.now += 86_400
    assert host.kinds().count(NoticeKind.POINT_CLOSED) == 1
    before = len(relay.arrived)
    family = guess(relay, clock, host, typed=b"r" * 32)
    assert family.contact.lines == ()
    offered = [made for made in relay.arrived[before:] if len(made.deposits) > 1]
    assert not any(_is_of_a_visit(made, host) for made in offered)
    reopen(host)
    assert guess(relay, clock, host, typed=b"r" * 32).contact.lines


def test_b1_after_twenty_the_set_is_dead_whatever_its_person_does(
    relay: HostileRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    for _ in range(DIES_AT):
        guess(relay, clock, host)
        reopen(host)
        clock.now += 86_400
    assert host.kinds().count(NoticeKind.SET_DEAD) == 1
    assert point_of(host).dead
    assert guess(relay, clock, host, typed=b"r" * 32).contact.lines == ()


def test_b1_a_late_confirmation_takes_back_its_own_run_and_no_other(
    relay: HostileRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    guess(relay, clock, host)
    family = guest_of(relay, clock)
    family.sync()
    host.sync()
    assert (point_of(host).counted, point_of(host).unconfirmed) == (2, 2)
    clock.now += 3000
    family.sync()
    family.sync()
    host.sync()
    assert NoticeKind.GUEST_CONFIRMED in host.kinds()
    assert (point_of(host).counted, point_of(host).unconfirmed) == (1, 1)


def test_b1_who_guessed_right_and_did_not_reply_may_have_read_what_was_offered(
    relay: HostileRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    offered = host.write("angeboten")
    held = host.write("zurückgehalten", at_once=False)
    host.sync()
    stranger = guest_of(relay, clock)
    stranger.sync()
    host.sync()
    clock.now += 86_400
    host.sync()
    assert NoticeKind.GUEST_UNCONFIRMED in host.kinds()
    marks = {letter.reference: letter.possibly_read for letter in host.contact.ours}
    assert marks == {offered: True, held: False}
    assert all(letter.state is LetterState.WAITING for letter in host.contact.ours)


def test_b1_nobody_can_erase_or_replace_an_offer_or_an_answer(
    relay: HostileRelay, clock: Clock
) -> None:
    host, family = host_of(relay, clock), guest_of(relay, clock)
    host.sync()
    family.sync()
    nonce = next(laid.nonce for laid in point_of(host).offers if laid.day == DAY)
    places = (offer_places(SEED, 1, DAY)[2], answer_place(SEED, nonce, 0))
    assert all(relay.holds(place) for place in places)
    # A delete key is the hash's preimage of a place; a place of a meeting has none. What comes
    # nearest: the place itself, and what it was made from.
    for key in (*places, SEED, nonce):
        ask(relay, deletes=(DeleteKey(bytes(key)),))
    junk = tuple(Deposit(place, None, 3600, 0, ENTROPY(4000)) for place in places)
    assert ask(relay, deposits=junk) == (DepositOutcome.OCCUPIED,) * 2
    assert all(relay.holds(place) for place in places)
    for person in (host, family, host):
        person.sync()
    assert NoticeKind.GUEST_CONFIRMED in host.kinds()


@pytest.mark.parametrize("first", ["host", "stranger"])
def test_b1_a_second_host_at_the_number_is_noticed_by_whoever_comes_later(
    first: str, relay: HostileRelay, clock: Clock
) -> None:
    """Who comes first has the place. The other one is told; here either may be ours."""
    host, stranger = host_of(relay, clock), host_of(relay, clock)
    early, late = (host, stranger) if first == "host" else (stranger, host)
    early.sync()
    late.sync()
    assert NoticeKind.NUMBER_OCCUPIED in late.kinds()
    assert NoticeKind.NUMBER_OCCUPIED not in early.kinds()


def _is_of_a_visit(made: SyncRequest, host: Person) -> bool:
    places = {
        out.place.id
        for visit in point_of(host).visits
        for branch in visit.branches
        for out in branch.outbox
    }
    return any(deposit.id in places for deposit in made.deposits)
