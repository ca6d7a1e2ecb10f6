"""People of tests with their profiles: a store that records, and rounds with a simulated relay."""

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ojak_client.apply import ALWAYS
from ojak_client.exchange import Exchange
from ojak_client.moment import Moment
from ojak_client.notices import Notice, NoticeKind
from ojak_client.our_letters import with_letter
from ojak_client.profile import (
    Contact,
    Line,
    Profile,
    QuestionSet,
    Role,
    TheirLetter,
    Visiting,
    find,
    with_contact,
)
from ojak_client.rounds import run_errands
from ojak_client.store import decode, encode
from ojak_protocol.conversation import Conversation
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.number import Number
from ojak_protocol.offers import offer_box
from ojak_protocol.sync import Deposit
from tests.client.simulated_relay import SimulatedRelay
from tests.people import CLOCK, KEM, RIGHT, SEED, meet

T = TypeVar("T")
RELAY = "https://relay.example"
NAME = "순이"
MONTH = 30 * 86_400
_NUMBERS = itertools.count(1000)


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    now: int = CLOCK

    def __call__(self) -> float:
        return self.now


class JournalStore:
    """A profile as bytes, as a vault keeps it.

    Attributes:
        saves: how many changes became durable.
        killed_at: the save at which the process dies, before it is durable; None: never.
    """

    def __init__(self, profile: Profile) -> None:
        self._bytes = encode(profile)
        self.saves = 0
        self.killed_at: int | None = None

    def read(self) -> Profile:
        return decode(self._bytes)

    def update(self, change: Callable[[Profile], tuple[Profile, T]]) -> T:
        after, said = change(self.read())
        if self.killed_at == self.saves:
            self.killed_at = None
            raise Killed
        self._bytes = encode(after)
        self.saves += 1
        return said


@dataclass
class Person:
    """Somebody with a profile who can do rounds; what is told is kept in *told*."""

    relay: SimulatedRelay
    clock: Clock
    store: JournalStore
    told: list[Notice] = field(default_factory=list)

    def exchange(self) -> Exchange:
        return Exchange(self.store, RELAY, self.relay.connection, self.told.extend, self.clock)

    def sync(self) -> None:
        run_errands(self.exchange(), older=True)

    def write(
        self, text: str, *, at_once: bool = True, expires_at: int = 0, role: Role = Role.FAMILY
    ) -> int:
        def change(profile: Profile) -> tuple[Profile, int]:
            profile = with_letter(
                profile,
                NAME,
                text,
                expires_at=expires_at or self.clock.now + MONTH,
                at_once=at_once,
                role=role,
            )
            return profile, profile.references

        return self.store.update(change)

    @property
    def contact(self) -> Contact:
        contact = find(self.store.read(), NAME)
        assert contact is not None
        return contact

    @property
    def texts(self) -> list[str]:
        """The letters that came, in order."""
        return [letter.text for letter in self.contact.theirs]

    def kinds(self) -> list[NoticeKind]:
        return [notice.kind for notice in self.told]

    def change(self, change: Callable[[Contact], Contact]) -> None:
        self.store.update(
            lambda profile: (with_contact(profile, change(find(profile, NAME) or self.contact)), 0)
        )


def moment(now: int = CLOCK, relay_clock: int | None = None) -> Moment:
    return Moment(now, now if relay_clock is None else relay_clock, os.urandom, KEM)


def line_of(conversation: Conversation, *, kept: bool = True, **changes: object) -> Line:
    line = Line(
        conversation,
        kept=kept,
        keeps=True,
        confirmed_at=CLOCK,
        looks_until=ALWAYS,
        number=next(_NUMBERS),
    )
    return replace(line, **changes)  # type: ignore[arg-type] # of each field its own type


def new_person(relay: SimulatedRelay, contact: Contact, clock: Clock | None = None) -> Person:
    return Person(relay, clock or Clock(), JournalStore(with_contact(Profile(), contact)))


def kept_pair(relay: SimulatedRelay, clock: Clock) -> tuple[Person, Person]:
    """Two people who met and both keep their state; the guest's first box lies in its outbox."""
    pair = meet()
    host, guest = (
        new_person(relay, Contact(NAME, RELAY, lines=(line_of(side),)), clock)
        for side in (pair.host, pair.guest)
    )
    return host, guest


def host_of(relay: SimulatedRelay, clock: Clock, *, alarm: bytes | None = None) -> Person:
    point = MeetingPoint(Number("0" * 12), SEED, 1, RIGHT, alarm, bits=30)
    return new_person(relay, Contact(NAME, RELAY, sets=(QuestionSet(point, ()),)), clock)


def guest_of(
    relay: SimulatedRelay, clock: Clock, *, typed: bytes = RIGHT, keeps: bool = True
) -> Person:
    visiting = Visiting(SEED, typed, 1, look_seconds=3600, keeps=keeps)
    return new_person(relay, Contact(NAME, RELAY, visiting=visiting), clock)


def letter(text: str = "편지", kind: int = 1, *, reference: int = 1) -> TheirLetter:
    return TheirLetter(reference, kind, text)


def known_boxes(profile: Profile) -> set[bytes]:
    """Every box that can be sent out of *profile*, apart from "seen" boxes, which say nothing."""
    known: set[bytes] = set()
    for contact in profile.contacts:
        talks = [line.conversation for line in contact.lines]
        for one in contact.sets:
            talks += [branch for visit in one.point.visits for branch in visit.branches]
            known |= {offer_box(SEED, laid, kem=KEM) for laid in one.point.offers}
        if contact.visiting is not None and contact.visiting.attempt is not None:
            talks += contact.visiting.attempt.branches
            known.add(contact.visiting.attempt.box)
        known |= {out.box for one in talks for out in one.outbox}
    return known


def is_seen(profile: Profile, deposit: Deposit) -> bool:
    return any(
        deposit.id == visit.seen_at
        for contact in profile.contacts
        for one in contact.sets
        for visit in one.point.visits
    )
