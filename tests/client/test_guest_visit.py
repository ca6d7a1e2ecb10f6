"""A guest's visit: three syncs where the host is there, an end wherever it is not."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from ojak_client.failures import Failure
from ojak_client.guest_visit import Found, GuestVisit
from ojak_client.our_letters import lies_at_relay
from ojak_client.profile import Contact, Profile, find
from ojak_client.rounds import MOST_ROUNDS
from ojak_protocol.sync import SyncClass
from tests.client.persons import NAME, Clock, Person, guest_of, host_of
from tests.client.simulated_relay import SimulatedRelay
from tests.people import WRONG


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def relay(clock: Clock) -> SimulatedRelay:
    return SimulatedRelay(clock)


def visit_of(guest: Person, look_seconds: float = 5) -> GuestVisit:
    return GuestVisit(guest.exchange(), NAME, look_seconds=look_seconds)


def staying(relay: SimulatedRelay, clock: Clock) -> Person:
    """A host whose client stays on: it does its rounds while the guest's requests are held."""
    host = host_of(relay, clock)
    host.sync()
    relay.meanwhile = host.sync
    return host


class Line:
    """A guest's line to the relay, which counts what goes over it."""

    asked_again = 0

    def __init__(self, relay: SimulatedRelay) -> None:
        self._relay = relay
        self.sizes: list[int] = []

    def sync(self, body: bytes, *, reply_bytes: int, wait_seconds: int) -> bytes:
        self.sizes.append(len(body))
        return self._relay.sync(body, reply_bytes=reply_bytes, wait_seconds=wait_seconds)


def test_a_whole_visit_is_three_syncs_and_each_looks_as_if_something_were_sent(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = staying(relay, clock)
    for text in ("첫째", "둘째"):
        host.write(text)
    host.sync()
    guest = guest_of(relay, clock)
    exchange = guest.exchange()
    line = Line(relay)
    exchange.connection = line  # type: ignore[assignment] # has its one method
    visit = GuestVisit(exchange, NAME, look_seconds=5)
    assert visit.look() is Found.HOST
    assert guest.texts == ["첫째", "둘째"]
    guest.write("답")
    visit.acknowledge()
    visit.exchange_letters(enough=0)
    assert len(line.sizes) == 3
    assert all(size > SyncClass.ZERO.body_bytes for size in line.sizes)
    host.sync()
    assert host.texts == ["답"]
    assert host.contact.waiting == ()


def test_letters_that_wait_for_the_reply_are_waited_for(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = staying(relay, clock)
    for text in ("하나", "둘"):
        host.write(text, at_once=False)
    guest = guest_of(relay, clock)
    visit = visit_of(guest)
    assert visit.look() is Found.HOST
    assert visit.letters_coming == 2
    guest.write("답")
    visit.exchange_letters(enough=visit.letters_coming)
    assert guest.texts == ["하나", "둘"]
    assert host.texts == ["답"]


def test_on_a_borrowed_device_nothing_is_deleted_at_the_relay_before_it_was_shown(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = staying(relay, clock)
    for text in ("하나", "둘", "셋"):
        host.write(text, at_once=False)
    guest = guest_of(relay, clock, keeps=False)
    visit = visit_of(guest, 2)
    assert visit.look() is Found.HOST
    visit.exchange_letters(enough=4)
    assert len(guest.texts) == 3
    lying = [out.place.id for line in host.contact.lines for out in line.conversation.outbox]
    assert len(lying) == 3
    assert all(relay.holds(place) for place in lying)
    guest.change(lambda contact: replace(contact, theirs=()))
    visit.acknowledge()
    visit.exchange_letters(enough=0)
    assert not any(relay.holds(place) for place in lying)


def test_an_absent_host_is_nobody_and_a_letter_can_be_left_for_it(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    host.sync()
    guest = guest_of(relay, clock)
    visit = visit_of(guest, 0.2)
    assert visit.look() is Found.NOBODY
    reference = guest.write("두고 가는 편지")
    visit.leave_letter()
    assert lies_at_relay(guest.contact, reference)
    host.sync()
    host.sync()
    assert host.texts == ["두고 가는 편지"]


def test_without_an_offer_there_is_nobody_and_nothing_is_deposited(
    relay: SimulatedRelay, clock: Clock
) -> None:
    guest = guest_of(relay, clock)
    assert visit_of(guest, 0.2).look() is Found.NOBODY
    assert not any(request.deposits for request in relay.arrived)


def test_wrong_answers_end_as_somebody(relay: SimulatedRelay, clock: Clock) -> None:
    staying(relay, clock).write("편지")
    guest = guest_of(relay, clock, typed=WRONG)
    assert visit_of(guest, 0.3).look() is Found.SOMEBODY
    assert guest.texts == []


def test_an_offer_that_others_filled_is_full(relay: SimulatedRelay, clock: Clock) -> None:
    host_of(relay, clock).sync()
    with relay.occupied():
        assert visit_of(guest_of(relay, clock), 0.2).look() is Found.FULL


LIES: list[tuple[Callable[[SimulatedRelay], AbstractContextManager[None]], Found]] = [
    (SimulatedRelay.full, Found.REFUSED),
    (SimulatedRelay.stores_nothing, Found.NOBODY),
    (SimulatedRelay.finds_nothing, Found.NOBODY),
    (SimulatedRelay.has_no_room, Found.NOBODY),
    (SimulatedRelay.swaps, Found.NOBODY),
]


@pytest.mark.parametrize(("lie", "found"), LIES)
def test_no_lie_of_the_relay_keeps_a_guest_longer_than_it_wanted_to_look(
    lie: Callable[[SimulatedRelay], AbstractContextManager[None]],
    found: Found,
    relay: SimulatedRelay,
    clock: Clock,
) -> None:
    host_of(relay, clock).sync()
    guest = guest_of(relay, clock)
    began = time.monotonic()
    with lie(relay):
        visit = visit_of(guest, 0.3)
        assert visit.look() is found
        guest.write("편지")
        visit.leave_letter()
        visit.exchange_letters(enough=9)
    assert time.monotonic() - began < 5
    assert len(relay.arrived) < 150


def test_a_relay_that_does_not_hold_its_answers_is_not_asked_in_a_hurry(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host_of(relay, clock).sync()
    before = len(relay.arrived)
    assert visit_of(guest_of(relay, clock), 2).look() is Found.NOBODY
    assert len(relay.arrived) - before <= 6


def test_a_relay_that_makes_each_answer_a_change_is_not_asked_in_a_hurry(
    relay: SimulatedRelay, clock: Clock
) -> None:
    """What lies at our place is looked at in vain, and the letter is deposited again, and again."""
    host = staying(relay, clock)
    host.write("편지", at_once=False)
    guest = guest_of(relay, clock)
    visit = visit_of(guest, 3)
    assert visit.look() is Found.HOST
    guest.write("답")
    before = len(relay.arrived)
    with relay.contradicts_itself():
        visit.exchange_letters(enough=5)
    assert len(relay.arrived) - before <= MOST_ROUNDS + 5


def test_a_letter_is_not_left_while_the_relay_is_full(relay: SimulatedRelay, clock: Clock) -> None:
    host_of(relay, clock).sync()
    guest = guest_of(relay, clock)
    visit = visit_of(guest, 0.2)
    assert visit.look() is Found.NOBODY
    reference = guest.write("편지")
    with relay.full():
        visit.leave_letter()
    assert not lies_at_relay(guest.contact, reference)


def test_a_visit_whose_answer_was_forgotten_met_nobody(relay: SimulatedRelay, clock: Clock) -> None:
    guest = guest_of(relay, clock)
    guest.change(lambda contact: replace(contact, visiting=None))
    visit = visit_of(guest)
    assert visit.look() is Found.NOBODY
    visit.leave_letter()
    assert guest.contact.visiting is None


def test_a_visit_whose_contact_is_gone_changes_nothing_and_ends_with_a_sentence(
    relay: SimulatedRelay, clock: Clock
) -> None:
    guest = guest_of(relay, clock)
    visit = visit_of(guest)
    guest.store.update(lambda _: (Profile((Contact("다른", "x"),)), None))
    visit.acknowledge()
    assert find(guest.store.read(), NAME) is None
    with pytest.raises(Failure, match="unknown-name"):
        _ = visit.contact
