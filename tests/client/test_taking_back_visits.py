"""Taking back what was offered to somebody who is not confirmed: both branches, at one moment."""

from dataclasses import replace

import pytest

from ojak_client.apply import apply
from ojak_client.notices import NoticeKind
from ojak_client.our_letters import sealed_references
from ojak_client.prepare import prepare
from ojak_client.profile import (
    Contact,
    LetterState,
    Profile,
    QuestionSet,
    Role,
    Visiting,
    with_contact,
    with_point,
)
from ojak_client.requests import VISIT_SLACK_SECONDS, Shape, make_request
from ojak_client.taking_back import take_back
from ojak_protocol import guest as guest_
from ojak_protocol import meeting_point
from ojak_protocol.letters import Body, Kind
from ojak_protocol.sync import Deposit, DepositOutcome, SyncRequest
from ojak_protocol.visits import VISIT_SECONDS
from tests.client.persons import (
    NAME,
    RELAY,
    Clock,
    Person,
    guest_of,
    host_of,
    moment,
)
from tests.client.replies import asked, our, reply
from tests.client.simulated_relay import SimulatedRelay
from tests.people import ALARM, CLOCK, ENTROPY, KEM, RIGHT, WRONG, come, new_point

HOUR = 3600


def in_twos(deposits: list[Deposit]) -> list[tuple[Deposit, Deposit]]:
    return list(zip(deposits[::2], deposits[1::2], strict=True))


def visited(
    relay: SimulatedRelay, clock: Clock, *, alarm: bytes | None = None, typed: bytes = RIGHT
) -> tuple[Person, Person, int]:
    """A host who offered a letter to a guest that has not looked yet, the guest, the letter."""
    host, guest = host_of(relay, clock, alarm=alarm), guest_of(relay, clock, typed=typed)
    reference = host.write("echter Brief")
    if alarm is not None:
        host.write("harmlos", role=Role.COUNTERPART)
    for person in (host, guest, host):
        person.sync()
    assert reference in sealed_references(host.contact)
    return host, guest, reference


def asks_back(person: Person, reference: int) -> None:
    person.change(lambda contact: take_back(contact, reference))


def state_of(person: Person, reference: int) -> LetterState:
    return next(one.state for one in person.contact.ours if one.reference == reference)


def branch_deposits(contact: Contact, request: SyncRequest) -> list[Deposit]:
    places = {
        out.place.id
        for one in contact.sets
        for visit in one.point.visits
        for branch in visit.branches
        for out in branch.outbox
    }
    return [deposit for deposit in request.deposits if deposit.id in places]


@pytest.mark.parametrize("alarm", [None, ALARM])
def test_both_branches_of_an_unconfirmed_visit_are_replaced_at_one_moment_and_in_pairs(
    alarm: bytes | None, relay: SimulatedRelay, clock: Clock
) -> None:
    host, _, reference = visited(relay, clock, alarm=alarm)
    for _ in range(3):
        guest_of(relay, clock, typed=WRONG).sync()
        host.sync()
    asks_back(host, reference)
    before = len(relay.arrived)
    host.sync()
    seen = [branch_deposits(host.contact, made) for made in relay.arrived[before:]]
    assert sum(map(len, seen)) == 8
    pairs = [
        {out.place.id for branch in visit.branches for out in branch.outbox}
        for one in host.contact.sets
        for visit in one.point.visits
    ]
    for deposits in seen:
        assert all(deposit.delete_key is not None for deposit in deposits)
        assert len({deposit.ttl_seconds for deposit in deposits}) <= 1
        for two in in_twos(deposits):
            assert {deposit.id for deposit in two} in pairs


def test_where_not_all_fits_into_one_request_no_pair_is_torn(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    references = [host.write("가"), host.write("나")]
    host.sync()
    for _ in range(5):
        guest_of(relay, clock, typed=WRONG).sync()
        host.sync()
    for reference in references:
        asks_back(host, reference)
    profile, _ = prepare(host.store.read(), RELAY, moment(clock.now))
    request = make_request(profile, RELAY, moment(clock.now), turn=0, shape=Shape())
    found = branch_deposits(profile.contacts[0], request)
    assert len(found) == 16
    positions = {
        out.place.id: (number, position)
        for number, visit in enumerate(profile.contacts[0].sets[0].point.visits)
        for branch in visit.branches
        for position, out in enumerate(branch.outbox)
    }
    assert all(positions[a.id] == positions[b.id] for a, b in in_twos(found))


def test_a_guest_that_comes_back_for_an_offered_letter_finds_it_taken_back(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest, reference = visited(relay, clock)
    asks_back(host, reference)
    host.sync()
    assert state_of(host, reference) is LetterState.ASKED_BACK
    for person in (guest, host, guest, host):
        person.sync()
        clock.now += HOUR
    assert guest.texts == []
    assert state_of(host, reference) is LetterState.TAKEN_BACK
    assert NoticeKind.GUEST_CONFIRMED in host.kinds()


def test_a_letter_asked_back_is_not_offered_to_the_next_visit(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, _, reference = visited(relay, clock, typed=WRONG)
    asks_back(host, reference)
    guest = guest_of(relay, clock)
    for person in (host, guest, host, guest, host, guest):
        person.sync()
    assert NoticeKind.HOST_CONFIRMED in guest.kinds()
    assert guest.texts == []
    assert all(reference not in visit.references for visit in host.contact.sets[0].point.visits[1:])


def test_whoever_never_confirmed_may_have_read_what_was_asked_back_for_good(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, _, reference = visited(relay, clock, typed=WRONG)
    asks_back(host, reference)
    host.sync()
    clock.now += VISIT_SECONDS + HOUR
    host.sync()
    (letter,) = host.contact.ours
    assert (letter.state, letter.possibly_read) == (LetterState.ASKED_BACK, True)


def test_a_harmless_letter_goes_with_the_one_asked_back_and_can_be_used_again(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest, reference = visited(relay, clock, alarm=ALARM, typed=ALARM)
    asks_back(host, reference)
    for person in (host, guest, host, guest, host):
        person.sync()
    assert guest.texts == []
    assert [one.text for one in host.contact.waiting_as(Role.COUNTERPART)] == ["harmlos"]
    assert NoticeKind.GUEST_CONFIRMED_ALARM in host.kinds()
    assert state_of(host, reference) is LetterState.ASKED_BACK


def test_of_a_harmless_letter_asked_back_the_letter_beside_it_waits_again(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest, reference = visited(relay, clock, alarm=ALARM)
    harmless = host.contact.waiting_as(Role.COUNTERPART)[0].reference
    asks_back(host, harmless)
    host.sync()
    for _ in range(3):
        guest.sync()
        host.sync()
        clock.now += HOUR
    assert state_of(host, harmless) is LetterState.ASKED_BACK
    assert state_of(host, reference) in {LetterState.WAITING, LetterState.COLLECTED}
    assert NoticeKind.LETTER_TAKEN_BACK not in host.kinds()


@pytest.mark.parametrize("outcome", [DepositOutcome.STORED, DepositOutcome.OCCUPIED])
def test_word_on_the_old_form_of_a_visit_does_not_keep_the_new_one_from_going(
    outcome: DepositOutcome, relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    host.write("편지")
    for person in (host, guest):
        person.sync()
    exchange = host.exchange()
    exchange.learn_clock()
    with relay.full():
        exchange.round(Shape(room=1))
    profile, request = asked(host.store.read(), clock.now)
    assert branch_deposits(profile.contacts[0], request)
    profile = with_contact(profile, take_back(profile.contacts[0], 1))
    after, _ = apply(profile, RELAY, request, reply(request, outcome), moment(clock.now))
    again = branch_deposits(after.contacts[0], asked(after, clock.now)[1])
    assert len(again) == 2
    assert all(deposit.delete_key is not None for deposit in again)


@pytest.mark.parametrize(
    ("late", "recalled", "goes"),
    [(0, False, True), (1, False, False), (1, True, True), (VISIT_SLACK_SECONDS + 1, True, False)],
)
def test_what_still_lies_there_once_the_guest_looks_no_more_is_only_ever_taken_away(
    late: int, *, recalled: bool, goes: bool
) -> None:
    point = new_point()
    attempt = come(point, RIGHT, until=CLOCK)
    contact = Contact(NAME, RELAY, ours=(our(),))
    profile, request = asked(with_contact(Profile(), with_set(contact, point)))
    boxes = {attempt.place: attempt.box}
    profile, _ = apply(profile, RELAY, request, reply(request, boxes=boxes), moment())
    if recalled:
        profile = with_contact(profile, take_back(profile.contacts[0], 1))
    profile, request = asked(profile, CLOCK + late)
    assert bool(branch_deposits(profile.contacts[0], request)) is goes


def with_set(contact: Contact, point: meeting_point.MeetingPoint) -> Contact:
    return replace(contact, sets=(QuestionSet(point, ()),))


def leaving(relay: SimulatedRelay, clock: Clock) -> tuple[Person, Person, int]:
    """A host who is away, a guest on an own device that left a letter for it, the letter."""
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    host.sync()
    reference = guest.write("zurückgelassen")
    guest.sync()
    guest.change(
        lambda contact: (
            contact
            if contact.visiting is None
            else replace(contact, visiting=replace(contact.visiting, leaves_letter=True))
        )
    )
    guest.sync()
    return host, guest, reference


def test_a_letter_left_for_an_absent_host_is_asked_back_in_both_branches_at_one_moment(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest, reference = leaving(relay, clock)
    asks_back(guest, reference)
    assert state_of(guest, reference) is LetterState.ASKED_BACK
    before = len(relay.arrived)
    guest.sync()
    visiting = guest.contact.visiting
    assert visiting is not None
    assert visiting.attempt is not None
    places = {branch.outbox[0].place.id for branch in visiting.attempt.branches}
    made = [
        [one for one in request.deposits if one.id in places] for request in relay.arrived[before:]
    ]
    assert [len(one) for one in made if one] == [2]
    for person in (host, guest, host, guest):
        person.sync()
        clock.now += HOUR
    assert host.texts == []
    assert state_of(guest, reference) is LetterState.TAKEN_BACK


def test_word_on_the_old_form_of_a_left_letter_does_not_keep_the_new_one_from_going() -> None:
    point = new_point()
    attempt = guest_.leave_letter(
        come(point, RIGHT), Body(Kind.TEXT, "x"), reference=1, entropy=ENTROPY, kem=KEM
    )
    visiting = Visiting(
        attempt.seed, RIGHT, 1, 60, keeps=True, attempt=attempt, laid=True, answered_at=CLOCK
    )
    contact = Contact(NAME, RELAY, visiting=visiting, ours=(our(),))
    profile, request = asked(with_contact(Profile(), contact))
    profile = with_contact(profile, take_back(profile.contacts[0], 1))
    after, _ = apply(profile, RELAY, request, reply(request), moment())
    again = asked(after)[1].deposits
    assert [deposit.delete_key is not None for deposit in again] == [True, True]


def test_a_left_letter_that_nobody_ever_confirmed_counts_as_possibly_read(
    relay: SimulatedRelay, clock: Clock
) -> None:
    _, guest, reference = leaving(relay, clock)
    clock.now += 2 * VISIT_SECONDS
    guest.sync()
    assert guest.contact.visiting is None
    assert [one.possibly_read for one in guest.contact.ours] == [True]
    asks_back(guest, reference)
    assert state_of(guest, reference) is LetterState.ASKED_BACK


def test_reopening_a_point_does_not_stop_what_earlier_visits_are_owed(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    host.write("편지")
    for person in (host, guest):
        person.sync()
    exchange = host.exchange()
    exchange.learn_clock()
    with relay.full():
        exchange.round(Shape(room=1))
    host.change(lambda contact: with_point(contact, meeting_point.reopen(contact.sets[0].point)))
    for person in (host, guest):
        person.sync()
    assert guest.texts == ["편지"]


def test_a_visit_before_the_reopening_that_nobody_confirms_is_still_reported(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, _, _ = visited(relay, clock, typed=WRONG)
    host.change(lambda contact: with_point(contact, meeting_point.reopen(contact.sets[0].point)))
    clock.now += VISIT_SECONDS
    host.sync()
    assert host.kinds().count(NoticeKind.GUEST_UNCONFIRMED) == 1
