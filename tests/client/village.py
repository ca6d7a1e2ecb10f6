"""A host with an alarm word and whoever comes, and what an onlooker can tell of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from ojak_client.exchange import Exchange
from ojak_client.opening import relays_of
from ojak_client.profile import OurLetter, Role
from ojak_client.requests import Shape
from ojak_client.rounds import run_errands
from tests.client.onlooker import Onlooker
from tests.client.persons import RELAY, Clock, Person, guest_of, host_of
from tests.client.simulated_relay import SimulatedRelay
from tests.people import ALARM, RIGHT

NEW_RELAY = "https://new.example"


class Told(NamedTuple):
    """What can be told of a meeting apart from what the letters say."""

    requests: tuple[object, ...]
    shown: tuple[int, ...]
    """How many letters each guest was shown."""
    boxes: tuple[int, ...]
    """How many boxes each guest took from the host."""
    until: tuple[int, ...]
    """Until when each box of the host says that it may be read, in the order of their writing."""


class Village:
    """A host with an alarm word, and whoever comes."""

    def __init__(self, *, letters: int, harmless: int, at_once: int = 0) -> None:
        self.clock = Clock()
        self._relays = {one: SimulatedRelay(self.clock) for one in (RELAY, NEW_RELAY)}
        self.host = host_of(self._relays[RELAY], self.clock, alarm=ALARM)
        for number in range(letters):
            # Each has an end of its own, by which one box could be told from another.
            until = self.clock.now + 1000 + 600 * number
            self.host.write(f"echt {number}", at_once=number < at_once, expires_at=until)
        for number in range(harmless):
            self.host.write(f"harmlos {number}", role=Role.COUNTERPART)
        self.guests: list[Person] = []
        self.shown: list[list[str]] = []
        self._onlooker = Onlooker(*self._relays.values())
        self._until: dict[bytes, int] = {}

    def comes(self, typed: bytes, *, keeps: bool = True) -> Person:
        guest = guest_of(self._relays[RELAY], self.clock, typed=typed, keeps=keeps)
        guest.write("von drinnen")
        self.guests.append(guest)
        self.shown.append([])
        return guest

    def syncs(self, *persons: Person) -> None:
        for person in persons:
            for address in relays_of(person.store.read()):
                there = self._relays[address].connection
                told = person.told.extend
                run_errands(Exchange(person.store, address, there, told, self.clock))
            self._look()
            if person is not self.host:
                self._shows(person)
            self.clock.now += 5

    def meets(self, guest: Person) -> None:
        """The host finds the box that confirms, and has sealed nothing in answer yet."""
        lines = len(self.host.contact.lines)
        self.syncs(self.host, guest, self.host, guest)
        while len(self.host.contact.lines) == lines:
            self.host.exchange().round(Shape(room=4, guest=True))
            self._look()

    def reads(self, guest: Person) -> None:
        """What is promised arrives, and is acknowledged by a letter, which is answered."""
        self.syncs(self.host, guest)
        guest.write("gelesen")
        self.syncs(guest, self.host, guest)

    def letters(self, role: Role = Role.FAMILY) -> list[OurLetter]:
        return [one for one in self.host.contact.ours if one.role is role]

    @property
    def told(self) -> Told:
        talks = [[line.conversation for line in one.contact.lines] for one in self.guests]
        return Told(
            self._onlooker.requests,
            tuple(map(len, self.shown)),
            tuple(sum(one.reading.count for one in talk) for talk in talks),
            tuple(self._until.values()),
        )

    def _shows(self, guest: Person) -> None:
        # On a borrowed device nothing is deleted at the relay before.
        self.shown[self.guests.index(guest)] += guest.texts
        guest.change(lambda contact: replace(contact, theirs=()))

    def _look(self) -> None:
        self._onlooker.look_at(self.host)
        for line in self.host.contact.lines:
            for out in line.conversation.outbox:
                self._until.setdefault(bytes(out.place.id), out.expires_at)


def told_of_each(meeting: Callable[[bytes], Village]) -> Told:
    """What can be told of a meeting, which is the same with either word."""
    real, alarm = (meeting(typed).told for typed in (RIGHT, ALARM))
    assert real == alarm
    return real
