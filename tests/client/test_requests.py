"""What an observer and a relay see of a request: full classes, steady fillers, equal branches."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_client.our_letters import with_letter
from ojak_client.prepare import prepare
from ojak_client.profile import Contact, Profile, with_contact
from ojak_client.requests import Shape, has_errands, make_request
from ojak_protocol import meeting_point
from ojak_protocol.addresses import MailboxId
from ojak_protocol.guest import Attempt
from ojak_protocol.guest import places as guest_places
from ojak_protocol.meeting_places import RUNS, answer_place
from ojak_protocol.sync import SyncClass, SyncRequest
from tests.client.persons import (
    MONTH,
    NAME,
    RELAY,
    Clock,
    Person,
    guest_of,
    host_of,
    kept_pair,
    line_of,
    moment,
)
from tests.client.simulated_relay import SimulatedRelay
from tests.people import CLOCK, SEED, meet


def met(letters: int = 0, lines: int = 1) -> Profile:
    profile = with_contact(
        Profile(), Contact(NAME, RELAY, lines=tuple(line_of(meet().guest) for _ in range(lines)))
    )
    for number in range(letters):
        profile = with_letter(profile, NAME, f"{number}", expires_at=CLOCK + MONTH, at_once=True)
    return prepare(profile, RELAY, moment())[0]


def request(profile: Profile, *, turn: int = 0, shape: Shape | None = None) -> SyncRequest:
    return make_request(profile, RELAY, moment(), turn=turn, shape=shape or Shape())


@pytest.mark.parametrize(
    ("letters", "size"),
    [(0, SyncClass.ONE), (3, SyncClass.FOUR), (4, SyncClass.SIXTEEN), (20, SyncClass.SIXTEEN)],
)
def test_the_class_is_the_smallest_that_holds_the_deposits(letters: int, size: SyncClass) -> None:
    assert request(met(letters)).sync_class is size


def test_a_request_without_deposits_is_of_class_zero_but_a_guests_never_is() -> None:
    profile = prepare(with_contact(Profile(), Contact(NAME, RELAY)), RELAY, moment())[0]
    assert request(profile).sync_class is SyncClass.ZERO
    assert request(profile, shape=Shape(guest=True)).sync_class is SyncClass.ONE


@settings(deadline=None, max_examples=30)
@given(letters=st.integers(0, 6), lines=st.integers(1, 3), turn=st.integers(0, 200))
def test_polls_always_fill_the_class_and_none_stands_twice(
    letters: int, lines: int, turn: int
) -> None:
    made = request(met(letters, lines), turn=turn)
    assert len(made.polls) == made.sync_class.polls == len(set(made.polls))


def test_the_same_profile_polls_the_same_ids_in_the_same_order() -> None:
    profile = met()
    assert len({request(profile, turn=0).polls for _ in range(5)}) == 1


def test_fillers_and_polls_cannot_be_told_apart_by_how_often_they_come() -> None:
    # The one place that changes with the turn aside, every id comes in every request.
    profile = met()
    first, second = (set(request(profile, turn=turn).polls) for turn in (1, 2))
    assert len(first ^ second) <= 2


def test_fillers_stay_until_a_chain_goes_on_and_are_drawn_anew_then() -> None:
    relay = SimulatedRelay(Clock())
    host, guest = kept_pair(relay, Clock())
    guest.write("편지")
    guest.sync()
    before = guest.store.read().fillers
    guest.sync()
    assert guest.store.read().fillers == before
    host.sync()
    host.write("답")
    host.sync()
    guest.sync()
    guest.sync()
    assert guest.store.read().fillers != before


def test_two_relays_are_shown_different_fillers() -> None:
    profile = with_contact(Profile(), Contact(NAME, RELAY))
    profile = with_contact(profile, Contact("철수", "https://other.example"))
    for relay in (RELAY, "https://other.example"):
        profile = prepare(profile, relay, moment())[0]
    one, other = (
        make_request(profile, relay, moment(), turn=0, shape=Shape()).polls
        for relay in (RELAY, "https://other.example")
    )
    assert not set(one) & set(other)


def crowded(relay: SimulatedRelay, clock: Clock, visits: int = 20) -> Person:
    """A host with visits that nobody confirmed, twice as many places, and a request has 32."""
    host = host_of(relay, clock)
    host.sync()
    for number in range(visits):
        guest_of(relay, clock, typed=b"w" * 32).sync()
        host.sync()
        host.sync()
        if number == 11:  # the runs of a day are used up
            clock.now += 86_400
    assert len(visit_places(host)) == 2 * visits
    return host


def visit_places(host: Person) -> set[MailboxId]:
    return set(meeting_point.visit_places(host.contact.sets[0].point))


def test_what_does_not_fit_is_asked_for_in_turn() -> None:
    clock = Clock()
    host = crowded(SimulatedRelay(clock), clock)
    profile = host.store.read()
    polled = {
        place
        for turn in range(4)
        for place in make_request(profile, RELAY, moment(clock.now), turn=turn, shape=Shape()).polls
    }
    assert visit_places(host) <= polled


def test_visits_that_nobody_confirms_never_hide_the_next_guest() -> None:
    clock = Clock()
    host = crowded(SimulatedRelay(clock), clock, 18)
    profile = host.store.read()
    point = profile.contacts[0].sets[0].point
    answers = meeting_point.answer_places(point, day=clock.now // 86_400, older=False)
    for turn in range(5):
        made = make_request(profile, RELAY, moment(clock.now), turn=turn, shape=Shape())
        assert set(answers) <= set(made.polls)


def test_what_does_not_fit_is_asked_for_over_many_processes_of_one_round_each() -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host = crowded(relay, clock)
    before = len(relay.arrived)
    for _ in range(25):
        host.sync()
    polled = {place for made in relay.arrived[before:] for place in made.polls}
    assert visit_places(host) <= polled


def test_a_visit_gets_as_many_boxes_in_both_branches_in_each_request() -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host = host_of(relay, clock)
    for number in range(3):
        host.write(f"{number}")
    host.sync()
    for _ in range(4):
        guest_of(relay, clock, typed=b"w" * 32).sync()
    # All are taken before one is answered: 16 boxes and 4 times "seen", and a request has 16.
    with relay.full():
        for _ in range(3):
            host.sync()
    before = len(relay.arrived)
    host.sync()
    point = host.contact.sets[0].point
    assert len(point.visits) == 4
    branch = {
        out.place.id: (visit.seen_at, side)
        for visit in point.visits
        for side, talk in enumerate(visit.branches)
        for out in talk.outbox
    }
    both = 0
    for made in relay.arrived[before:]:
        sides = [branch[deposit.id] for deposit in made.deposits if deposit.id in branch]
        for visit in {visit for visit, _ in sides}:
            assert sides.count((visit, 0)) == sides.count((visit, 1))
            both += 1
    assert both


def test_nothing_is_deposited_for_a_guest_that_does_not_look_any_more() -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    host.sync()
    guest.sync()
    clock.now += 3601
    before = len(relay.arrived)
    host.sync()
    point = host.contact.sets[0].point
    assert not point.visits[0].counted
    places = {out.place.id for branch in point.visits[0].branches for out in branch.outbox}
    deposited = {deposit.id for made in relay.arrived[before:] for deposit in made.deposits}
    assert not places
    assert point.visits[0].seen_at not in deposited


def test_the_guests_answer_goes_first_and_a_left_letter_in_both_branches() -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    host.sync()
    guest.write("두고 가는 편지")
    guest.change(
        lambda contact: replace(
            contact,
            visiting=contact.visiting and replace(contact.visiting, leaves_letter=True),
        )
    )
    guest.sync()
    made = relay.arrived[-1]
    visiting = guest.contact.visiting
    assert visiting is not None
    assert visiting.attempt is not None
    deposits = [deposit.id for request in relay.arrived[-2:] for deposit in request.deposits]
    assert deposits[0] == answer_place(SEED, visiting.attempt.offer.nonce, 0)
    assert len(deposits) == 3
    assert made.sync_class is not SyncClass.ZERO


def test_a_guest_polls_offers_first_and_then_only_its_branches() -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    host.sync()
    exchange = guest.exchange()
    exchange.round(Shape(room=1, guest=True))
    exchange.round(Shape(room=1, guest=True))
    visiting = guest.contact.visiting
    assert visiting is not None
    assert visiting.attempt is not None
    assert visiting.attempt.seen_at in relay.arrived[-1].polls
    assert visiting.attempt.seen_at not in relay.arrived[-2].polls


def test_a_relay_that_says_taken_of_every_run_is_shown_places_of_the_first_answer_alone() -> None:
    """Whoever plays the host knows by the places asked for whether a word fits."""
    clock = Clock()
    relay = SimulatedRelay(clock)
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    host.sync()
    guest.write("두고 가는 편지")
    guest.change(
        lambda contact: replace(
            contact,
            visiting=contact.visiting and replace(contact.visiting, leaves_letter=True),
        )
    )
    exchange = guest.exchange()
    attempts = {}
    with relay.occupied():
        for _ in range(6):
            exchange.round(Shape(room=1, guest=True))
            visiting = guest.contact.visiting
            if visiting is not None and visiting.attempt is not None:
                attempts[visiting.attempt.answer.nonce] = visiting.attempt
    assert len(attempts) == RUNS
    assert [_is_named(relay, attempt) for attempt in attempts.values()] == [True] + [False] * 3


def test_h7_a_relay_that_takes_back_its_word_to_another_process_is_shown_one_answer() -> None:
    """`keep` hangs on its request while `sync` hears *stored*: then `keep` hears *occupied*."""
    clock = Clock()
    relay = SimulatedRelay(clock)
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    host.sync()
    keep, sync = guest.exchange(), guest.exchange()
    keep.round(Shape(room=1, guest=True))
    with relay.changes_its_mind(lambda: sync.round(Shape(room=1, guest=True))):
        for _ in range(2 * RUNS):
            keep.round(Shape(room=1, guest=True))
    visiting = guest.contact.visiting
    assert visiting is not None
    assert (visiting.run, visiting.laid, visiting.full) == (0, True, ())


def test_an_answer_to_a_later_run_is_looked_after_once_it_lies_there() -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    host.sync()
    exchange = guest.exchange()
    exchange.round(Shape(room=1, guest=True))
    with relay.occupied():
        exchange.round(Shape(room=1, guest=True))
    for _ in range(2):
        exchange.round(Shape(room=1, guest=True))
    visiting = guest.contact.visiting
    assert visiting is not None
    assert visiting.attempt is not None
    assert (visiting.run, visiting.laid) == (1, True)
    assert _is_named(relay, visiting.attempt)
    host.sync()
    guest.sync()
    assert guest.contact.lines


def _is_named(relay: SimulatedRelay, attempt: Attempt) -> bool:
    """Whether a request named a place that follows from the answers typed for *attempt*."""
    secret = set(guest_places(attempt)) - {attempt.seen_at}
    named = {place for made in relay.arrived for place in made.polls}
    return bool(secret & named)


def test_older_places_are_polled_only_when_asked_for() -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host = host_of(relay, clock)
    host.sync()
    profile = host.store.read()
    later = moment(CLOCK + 3 * 86_400)
    profile = prepare(profile, RELAY, later)[0]
    narrow, wide = (
        make_request(profile, RELAY, later, turn=0, shape=Shape(older=older)).polls
        for older in (False, True)
    )
    fillers = set(profile.fillers[0].ids)
    assert set(narrow) - fillers < set(wide) - fillers


def test_contacts_of_another_relay_are_left_out() -> None:
    profile = with_contact(met(2), Contact("철수", "https://other.example"))
    profile = prepare(profile, "https://other.example", moment())[0]
    assert not has_errands(profile, "https://other.example", moment())
    assert has_errands(profile, RELAY, moment())
