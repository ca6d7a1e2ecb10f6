"""What lies at the relay and cannot be taken is not fetched again and again by `ojak keep`."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from ojak_client.exchange import STAYS_SECONDS, Exchange
from ojak_client.lookout import Lookout
from ojak_client.output import Output
from ojak_client.profile import Profile, TheirLetter
from ojak_client.requests import Shape
from ojak_client.service_manager import ServiceManager
from ojak_client.store import vault_path
from ojak_client.voice import Voice
from ojak_client.watching import WAIT_SECONDS, Keeping, Watch
from ojak_protocol.addresses import MailboxId
from ojak_protocol.guest import offer_places
from ojak_protocol.letters import Kind
from ojak_protocol.sync import REPLY_BYTES
from tests.client.devices import Device
from tests.client.persons import Clock, Person, guest_of, host_of, kept_pair
from tests.client.simulated_relay import SimulatedRelay
from tests.client.test_keep import family
from tests.people import SEED

DAY = 86_400
MOST_BYTES_A_DAY = 10_000_000
"""docs/keeping.md says about 7 MB."""


@dataclass
class Kept:
    """An `ojak keep` in a time of its own, in which a held request takes its time."""

    watch: Watch
    relay: SimulatedRelay
    clock: Clock

    def turns(self, count: int) -> float:
        """Do *count* turns, and return how many bytes a day came down meanwhile."""
        began, before = self.clock.now, len(self.relay.arrived)
        for _ in range(count):
            self.clock.now = max(self.clock.now, int(self.watch.ready_at) + 1)
            self.watch.turn(alone=True)
        down = sum(REPLY_BYTES[asked.room] for asked in self.relay.arrived[before:])
        return down * DAY / max(1, self.clock.now - began)


@contextmanager
def keeping(device: Device, relay: SimulatedRelay, url: str) -> Iterator[Kept]:
    clock = Clock(1_000_000)

    def hold() -> None:
        clock.now += WAIT_SECONDS

    relay.meanwhile = hold
    lookout = Lookout(vault_path(device.folder), lambda: None, clock=clock)
    voice = Voice(Output(json=True), ServiceManager(""))
    with device.store() as store:
        chance = random.Random(3)  # noqa: S311 - of tests
        shared = Keeping(
            voice, store, lookout, None, metered=False, entropy=chance.randbytes, clock=clock
        )
        with Watch(shared, url) as watch:
            yield Kept(watch, relay, clock)


def damaged(other: Person) -> Mapping[MailboxId, bytes]:
    """The box that *other* wrote last, which nobody has read."""
    one = other.contact.lines[0].conversation.outbox[-1]
    return {one.place.id: one.box[:-1] + bytes([one.box[-1] ^ 1])}


def unread(profile: Profile) -> tuple[Profile, None]:
    """As many unread letters as one contact may have."""
    (contact,) = profile.contacts
    theirs = tuple(TheirLetter(n, Kind.TEXT, "x") for n in range(1, 49))
    return Profile((replace(contact, theirs=theirs, arrivals=48),)), None


def test_a_box_that_does_not_open_costs_no_more_than_an_idle_day(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    other = family(device, near_relay, url, now_clock)
    other.write("편지")
    other.sync()
    with near_relay.shows(damaged(other)), keeping(device, near_relay, url) as kept:
        kept.turns(40)
        assert kept.turns(40) < MOST_BYTES_A_DAY


def test_a_relay_that_shows_what_was_read_for_ever_costs_no_more_than_an_idle_day(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    other = family(device, near_relay, url, now_clock)
    other.write("편지")
    other.sync()
    last = other.contact.lines[0].conversation.outbox[-1]
    with keeping(device, near_relay, url) as kept:
        kept.turns(5)
        with near_relay.shows({last.place.id: last.box}):
            before = len(near_relay.arrived)
            kept.turns(20)
            assert any(last.place.id in asked.polls for asked in near_relay.arrived[before:])
            assert kept.turns(40) < MOST_BYTES_A_DAY
    with device.store() as store:
        (contact,) = store.read().contacts
    assert not contact.lines[0].conversation.broken
    assert [letter.text for letter in contact.theirs] == ["편지"]


def test_letters_that_there_is_no_room_for_cost_no_more_than_an_idle_day(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    other = family(device, near_relay, url, now_clock)
    for n in range(16):
        other.write(f"편지 {n}")
    other.sync()
    with device.store() as store:
        store.update(unread)
    with keeping(device, near_relay, url) as kept:
        # Over an hour: what lies there is found one after the other, and again after that time.
        assert kept.turns(200) < MOST_BYTES_A_DAY


def a_letter_lies(relay: SimulatedRelay, clock: Clock) -> tuple[Person, Person]:
    """Return two who have met, after the second wrote to the first."""
    one, other = kept_pair(relay, clock)
    other.sync()
    one.sync()
    other.write("편지")
    other.sync()
    return one, other


def test_what_did_not_open_is_looked_at_again_after_an_hour() -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    one, other = a_letter_lies(relay, clock)
    exchange = one.exchange()
    with relay.shows(damaged(other)):
        exchange.round(Shape(room=4))
    exchange.round(Shape(room=4))
    assert one.texts == []
    clock.now += int(STAYS_SECONDS) + 1
    exchange.round(Shape(room=4))
    assert one.texts == ["편지"]


@pytest.mark.parametrize("unread", [1, 47])
def test_b2_a_box_that_stays_does_not_tell_a_relay_when_somebody_reads(unread: int) -> None:
    """It shows one that does not open, and looks whether it is asked for once more.

    Only where there was no room, reading makes some, and that shows whatever is done.
    """
    clock = Clock()
    relay = SimulatedRelay(clock)
    one, other = kept_pair(relay, clock)
    other.sync()
    one.sync()
    theirs = tuple(TheirLetter(n, Kind.TEXT, "x") for n in range(unread))
    one.change(lambda contact: replace(contact, theirs=theirs))
    other.write("편지")
    other.sync()
    exchange = one.exchange()
    with relay.shows(damaged(other)):
        exchange.round(Shape(room=4))
        exchange.round(Shape(room=4))
        one.change(lambda contact: replace(contact, theirs=()))
        exchange.round(Shape(room=4))
    asked_first, *asked = (set(asked.polls) for asked in relay.arrived[-3:])
    (place,) = set(damaged(other)) & asked_first
    assert all(place not in places for places in asked)


def test_letters_that_there_was_no_room_for_come_as_soon_as_some_were_read() -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    one, other = a_letter_lies(relay, clock)
    one.store.update(unread)
    exchange = one.exchange()
    for _ in range(3):
        exchange.round(Shape(room=4))
    lying = set(damaged(other))
    assert lying.isdisjoint(relay.arrived[-1].polls)
    one.change(lambda contact: replace(contact, theirs=()))
    exchange.round(Shape(room=4))
    assert one.texts == ["편지"]


def test_a_clock_that_was_set_back_keeps_nothing_from_being_looked_at_again() -> None:
    clock, steady = Clock(), Clock()
    relay = SimulatedRelay(clock)
    one, other = a_letter_lies(relay, clock)
    set_by_hand = Clock()
    exchange = one.exchange()
    exchange.clock, exchange.steady = set_by_hand, steady
    with relay.shows(damaged(other)):
        exchange.round(Shape(room=4))
    set_by_hand.now -= 300 * DAY
    steady.now += int(STAYS_SECONDS) + 1
    exchange.round(Shape(room=4))
    assert one.texts == ["편지"]


@pytest.mark.parametrize("taken", [False, True])
def test_what_stays_for_a_guest_keeps_no_letter_of_others_from_coming_at_once(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock, *, taken: bool
) -> None:
    """The word that a wrong answer was taken, or an offer that nobody can read, lies for days."""
    host = host_of(near_relay, now_clock)
    guest = guest_of(near_relay, now_clock, typed=b"w" * 32)
    stays: dict[MailboxId, bytes] = {}
    if taken:
        for person in (host, guest, host):
            person.sync()
    else:
        day = int(now_clock()) // DAY
        stays = {place: bytes(4000) for place in offer_places(SEED, 1, day)}
    device.keep_contact(replace(guest.contact, relay=url, name="다른 사람"))
    other = family(device, near_relay, url, now_clock)
    with near_relay.shows(stays), keeping(device, near_relay, url) as kept:
        assert kept.turns(120) < MOST_BYTES_A_DAY
        other.write("편지")
        other.sync()
        began = kept.clock.now
        kept.turns(3)
        assert kept.clock.now - began <= 3 * (WAIT_SECONDS + 1)
    assert [one.text for one in device.profile.contacts[-1].theirs] == ["편지"]


def test_a_client_that_forgets_what_stays_would_be_found(
    device: Device,
    near_relay: SimulatedRelay,
    url: str,
    now_clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Exchange, "_note_what_stays", lambda *_: None)
    other = family(device, near_relay, url, now_clock)
    other.write("편지")
    other.sync()
    with near_relay.shows(damaged(other)), keeping(device, near_relay, url) as kept:
        kept.turns(8)
        # Later ones are paced like those of any relay that answers too soon.
        assert kept.turns(20) > MOST_BYTES_A_DAY
