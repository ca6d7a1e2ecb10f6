"""One of two own devices is restored from an older copy of its vault, or used twice at once.

A run draws everything from its chance: who writes when, whose vault is copied, how many saves the
copy is old, and whether both go on or the copy alone. What it gives back is what each person was
told, and what became of the letters.

A relay keeps nothing for an hour where a box was deleted, and says that it stored it. What a copy
lays there in that hour nobody can find before it is laid again, so a run counts these deposits.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from ojak_client.notices import NoticeKind
from ojak_client.profile import Contact, LetterState, Profile, with_contact
from ojak_protocol.conversation import LETTER_TTL_SECONDS, Conversation
from tests.client.persons import (
    NAME,
    RELAY,
    Clock,
    JournalStore,
    Person,
    line_of,
)
from tests.client.simulated_relay import SimulatedRelay
from tests.people import meet

T = TypeVar("T")
HOUR = 3600
PAIR = meet()


class RememberingStore(JournalStore):
    """A profile with every one that was saved before it."""

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self.ever = [profile]

    def read(self) -> Profile:
        return self.ever[-1]

    def update(self, change: Callable[[Profile], tuple[Profile, T]]) -> T:
        after, said = change(self.ever[-1])
        if after != self.ever[-1]:
            self.ever.append(after)
        return said


@dataclass
class Owner(Person):
    """A person with one device, or with what is taken for it."""

    name: str = ""
    has_copy: bool = False

    @property
    def remembered(self) -> RememberingStore:
        assert isinstance(self.store, RememberingStore)
        return self.store

    @property
    def talk(self) -> Conversation:
        return self.contact.lines[0].conversation

    @property
    def was_told(self) -> bool:
        return NoticeKind.COPY_DETECTED in self.kinds()

    def copy(self, saves_ago: int) -> "Owner":
        """Somebody who goes on with a copy that is so many saves old."""
        ever = self.remembered.ever
        store = RememberingStore(ever[0])
        store.ever = ever[: len(ever) - saves_ago]
        return Owner(self.relay, self.clock, store, [], self.name)


@dataclass
class Run:
    """What happened in one run.

    Attributes:
        told_by: after which exchange each device's person was told of the copy; 4: days later.
        false: what was said that is not so.
        unacknowledged: how many letters nothing is known of in the end.
        hidden: how many deposits after the copy the relay called stored and did not keep.
    """

    seed: object
    is_clone: bool = False
    saves_ago: int = 0
    own_chains: int = 0
    """How many chains the copied side began after the copy."""
    their_chains: int = 0
    """How many chains of the other side were opened after the copy."""
    diverged: bool = False
    told_by: dict[str, int] = field(default_factory=dict)
    false: list[str] = field(default_factory=list)
    unacknowledged: int = 0
    hidden: int = 0

    @property
    def devices(self) -> set[str]:
        """Those that are used after the copy."""
        return {"other", "copy", "first"} if self.is_clone else {"other", "copy"}

    @property
    def all_told(self) -> bool:
        """Whether the person at each of them was told."""
        return self.devices <= self.told_by.keys()


class CountingRelay(SimulatedRelay):
    """Counts what it calls stored and does not keep.

    Attributes:
        hidden: how many deposits.
    """

    hidden = 0

    def sync(self, body: bytes, *, reply_bytes: int, wait_seconds: int) -> bytes:
        reply = super().sync(body, reply_bytes=reply_bytes, wait_seconds=wait_seconds)
        self.hidden += sum(not self.holds(one.id) for one in self.arrived[-1].deposits)
        return reply


def new_owner(name: str, conversation: Conversation, relay: SimulatedRelay, clock: Clock) -> Owner:
    contact = Contact(NAME, RELAY, lines=(line_of(conversation),))
    return Owner(relay, clock, RememberingStore(with_contact(Profile(), contact)), [], name)


def chains_of(state: Conversation) -> tuple[int, int]:
    sending, receiving = state.ratchet.sending, state.ratchet.receiving
    return (
        -1 if sending is None else sending.number,
        -1 if receiving is None else receiving.number,
    )


@dataclass
class World:
    """Two people, a relay, and the chance that decides what they do."""

    chance: random.Random
    clock: Clock
    relay: SimulatedRelay
    wrote: int = 0

    def write(self, who: Owner) -> None:
        """Write a letter, unless the conversation has ended."""
        self.wrote += 1
        if not who.talk.broken:
            who.write(f"{who.name} {self.wrote}")

    def night(self, *owners: Owner) -> None:
        """Sync in this order, hours or minutes apart."""
        for who in owners:
            who.sync()
            if self.chance.random() < 0.7:
                self.clock.now += self.chance.randrange(2 * HOUR)

    def nights(self, times: int, *owners: Owner) -> None:
        """One of them writes, and both sync."""
        for _ in range(times):
            self.write(self.chance.choice(owners))
            self.night(*self.chance.sample(owners, 2))

    def exchange(self, devices: list[Owner]) -> None:
        """Everybody writes once, and receipts have the time to go."""
        for who in self.chance.sample(devices, len(devices)):
            self.write(who)
            self.night(who)
        self.settle(devices, times=2)

    def settle(self, devices: list[Owner], *, times: int) -> None:
        """Everybody syncs, hours apart."""
        for _ in range(times):
            for who in devices:
                who.sync()
            self.clock.now += HOUR + 1


def run_once(seed: object) -> Run:
    """Tell the run of *seed*."""
    chance = random.Random(str(seed))  # noqa: S311 (repeatable)
    clock = Clock()
    relay = CountingRelay(clock)
    world = World(chance, clock, relay)
    host = new_owner("host", PAIR.host, world.relay, clock)
    guest = new_owner("guest", PAIR.guest, world.relay, clock)
    world.nights(chance.randrange(4), host, guest)
    copied, other = chance.sample((host, guest), 2)
    world.nights(chance.randrange(1, 4), host, guest)
    ran = Run(seed, is_clone=chance.random() < 0.4)
    ran.saves_ago = min(chance.choice((0, 1, 1, 2, 3, 5, 8)), len(copied.remembered.ever) - 1)
    copy = copied.copy(ran.saves_ago)
    now, then = chains_of(copied.talk), chains_of(copy.talk)
    ran.own_chains, ran.their_chains = now[0] - then[0], now[1] - then[1]
    ran.diverged = copied.talk != copy.talk
    devices = {"other": other, "copy": copy} | ({"first": copied} if ran.is_clone else {})
    relay.hidden = 0
    for number in (1, 2, 3, 4):
        if number < 4:
            world.exchange(list(devices.values()))
        else:
            _days_later(world, list(devices.values()))
        for name, who in devices.items():
            if who.was_told:
                ran.told_by.setdefault(name, number)
        ran.hidden = ran.hidden or (relay.hidden if number == 2 else 0)
    _look_at_letters(ran, devices, [host, guest, copy])
    return ran


def _days_later(world: World, devices: list[Owner]) -> None:
    """Let every box be laid once more, and receipts go."""
    for _ in range(2):
        world.clock.now += LETTER_TTL_SECONDS // 3
        world.settle(devices, times=3)


def _look_at_letters(ran: Run, devices: dict[str, Owner], everybody: list[Owner]) -> None:
    for name, who in devices.items():
        had = {
            letter.text
            for reader in everybody
            if reader.name != who.name
            for profile in reader.remembered.ever
            for letter in profile.contacts[0].theirs
        }
        texts = {
            letter.reference: letter.text
            for profile in who.remembered.ever
            for letter in profile.contacts[0].ours
            if letter.text
        }
        for letter in who.contact.ours:
            if letter.state is LetterState.COLLECTED and texts.get(letter.reference) not in had:
                ran.false.append(f"{name}: {texts.get(letter.reference)} called collected")
            ran.unacknowledged += letter.state is LetterState.WAITING
        if len(who.texts) != len(set(who.texts)):
            ran.false.append(f"{name}: shown twice")
