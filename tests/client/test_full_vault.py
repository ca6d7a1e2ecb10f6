"""C7: a vault that is full keeps nobody back but whoever filled it, and loses nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from ojak_client.boxes_in_profile import map_boxes
from ojak_client.errors import NotAllKept, NotAllSealed, VaultFull
from ojak_client.exchange import Exchange
from ojak_client.kept_boxes import REFERENCE_BYTES
from ojak_client.notices import NoticeKind
from ojak_client.our_letters import with_letter
from ojak_client.profile import Contact, Profile, find, with_contact
from ojak_client.requests import Shape
from ojak_client.rounds import run_errands
from ojak_client.store import encode
from tests.client.persons import (
    MONTH,
    NAME,
    RELAY,
    Clock,
    JournalStore,
    Person,
    line_of,
    new_person,
)
from tests.client.simulated_relay import SimulatedRelay
from tests.people import meet

T = TypeVar("T")
OTHER = "영수"


def content_bytes(profile: Profile) -> int:
    return len(encode(map_boxes(profile, lambda _: bytes(REFERENCE_BYTES))))


class SmallStore(JournalStore):
    """A vault with room for so many bytes."""

    most_bytes = 10**6

    def update(self, change: Callable[[Profile], tuple[Profile, T]]) -> T:
        def checked(profile: Profile) -> tuple[Profile, T]:
            after, said = change(profile)
            if after != profile and content_bytes(after) > self.most_bytes:
                raise VaultFull("too long")
            return after, said

        return super().update(checked)


class Host:
    """One with two contacts, of whom nobody else knows the answers of the second."""

    def __init__(self, relay: SimulatedRelay, clock: Clock) -> None:
        pairs = {name: meet() for name in (NAME, OTHER)}
        self.guests = {
            name: new_person(relay, Contact(NAME, RELAY, lines=(line_of(pair.guest),)), clock)
            for name, pair in pairs.items()
        }
        profile = Profile()
        for name, pair in pairs.items():
            profile = with_contact(profile, Contact(name, RELAY, lines=(line_of(pair.host),)))
        self.store = SmallStore(profile)
        self.person = Person(relay, clock, self.store)

    def write(self, name: str, text: str) -> None:
        def change(profile: Profile) -> tuple[Profile, None]:
            expires_at = self.person.clock.now + MONTH
            return with_letter(profile, name, text, expires_at=expires_at, at_once=True), None

        self.store.update(change)

    def sync(self) -> Exchange:
        exchange = self.person.exchange()
        run_errands(exchange)
        return exchange

    def texts(self, name: str) -> list[str]:
        contact = find(self.store.read(), name)
        assert contact is not None
        return [letter.text for letter in contact.theirs]

    def leave(self, more_bytes: int) -> None:
        self.store.most_bytes = content_bytes(self.store.read()) + more_bytes


@pytest.fixture
def host(relay: SimulatedRelay, clock: Clock) -> Host:
    """One with two conversations that have been going on for long."""
    host = Host(relay, clock)
    for _ in range(4):
        for name, guest in host.guests.items():
            guest.write("Brief")
            guest.sync()
            host.write(name, "Antwort")
        host.sync()
        clock.now += 4000
        host.sync()
        for guest in host.guests.values():
            guest.sync()
            clock.now += 4000
            guest.sync()
    for name in host.guests:
        contact = find(host.store.read(), name)
        assert contact is not None
        read = replace(contact, theirs=())
        host.store.update(lambda profile, read=read: (with_contact(profile, read), None))  # type: ignore[misc] # the default is the loop's
    host.sync()
    host.person.told.clear()
    return host


def test_what_does_not_fit_of_one_keeps_back_nothing_of_another(host: Host, clock: Clock) -> None:
    host.write(OTHER, "unser Brief")
    host.sync()
    host.guests[OTHER].sync()
    clock.now += 4000
    host.guests[NAME].write("x" * 1490)
    host.guests[OTHER].write("kurz")
    for guest in host.guests.values():
        guest.sync()
    host.leave(1000)
    with pytest.raises(NotAllKept):
        host.sync()
    assert host.texts(OTHER) == ["kurz"]
    assert NoticeKind.LETTER_COLLECTED in host.person.kinds()
    assert host.texts(NAME) == []
    # It was neither acknowledged nor deleted: with room for it, it comes.
    host.leave(10**6)
    host.sync()
    assert host.texts(NAME) == ["x" * 1490]


def test_what_cannot_be_sealed_for_want_of_room_keeps_back_no_acknowledgement(
    host: Host, clock: Clock
) -> None:
    for number in range(6):
        host.write(OTHER, f"{number} " + "x" * 1400)
    host.sync()
    for number in range(16):
        host.write(NAME, f"{number}")
    host.guests[OTHER].sync()
    clock.now += 4000
    host.guests[OTHER].sync()
    host.leave(2500)
    with host.person.relay.finds_nothing(), pytest.raises(NotAllSealed):
        # Our person is told that something cannot go.
        host.sync()
    host.sync()
    assert NoticeKind.LETTER_COLLECTED in host.person.kinds()
    # By that there is room again.
    host.sync()
    host.guests[NAME].sync()
    assert host.guests[NAME].texts[-16:] == [f"{number}" for number in range(16)]


def test_a_vault_without_room_from_the_beginning_says_so(relay: SimulatedRelay) -> None:
    host = Host(relay, Clock())
    host.leave(0)
    with pytest.raises(VaultFull):
        host.sync()


@pytest.mark.parametrize("is_full", [False, True])
def test_c11_a_letter_that_was_laid_once_is_laid_again_also_by_a_full_vault(
    host: Host, *, is_full: bool
) -> None:
    """What became of deposits is applied once, however many parts a reply is saved in."""
    for name in (NAME, OTHER):
        host.guests[name].write("x" * 1490)
        host.guests[name].sync()
    host.write(OTHER, "our letter")
    if is_full:
        host.leave(2200)
    done = host.person.exchange().round(Shape(room=4, guest=True))
    assert done.kept_out == is_full
    contact = find(host.store.read(), OTHER)
    assert contact is not None
    sent = [one for line in contact.lines for one in line.conversation.outbox]
    # Of those before, some may have been laid twice by now: when receipts go is drawn.
    newest = max(sent, key=lambda one: one.reference)
    assert newest.reference == contact.ours[-1].reference
    assert newest.deposited_at
    assert not newest.repeated
