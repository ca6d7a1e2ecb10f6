"""What the machines share: a device that may die, a relay that does as it likes, how long they run.

A device writes its state before anything made from it is sent. What it wrote after that may or may
not be there after a crash: each state since the last sending is one in which it may be found.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from hypothesis import settings
from hypothesis import strategies as st

from ojak_protocol.addresses import DeleteKey, MailboxId, mailbox_id
from ojak_protocol.conversation import LETTER_TTL_SECONDS
from tests.simulator import Reply, Status

State = TypeVar("State")

TIMES_LONGER: Final = int(os.environ.get("OJAK_MACHINES", "1"))
"""OJAK_MACHINES=20 runs twenty times as many examples, other ones each time."""


def lasting(*, examples: int, steps: int) -> settings:
    """Return the settings of a machine: the same examples each time unless more are asked for.

    A failure is printed as the steps that led to it, with what makes hypothesis repeat them.
    """
    return settings(
        max_examples=examples * TIMES_LONGER,
        stateful_step_count=steps,
        derandomize=TIMES_LONGER == 1,
        print_blob=True,
        deadline=None,
    )


LONGEST_SECONDS: Final = 30 * 24 * 3600
"""How long a box may lie at a relay."""


class Device(Generic[State]):
    """One state, and those in which a crash may leave it."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._found = [state]

    def becomes(self, state: State) -> None:
        """The state changes and is written."""
        self.state = state
        self._found.append(state)

    def sends(self) -> None:
        """Something made from the state leaves the device: from here on nothing goes back."""
        self._found = [self.state]

    def dies(self, number: int) -> None:
        """The device starts again with one of the states in which it may be found."""
        self.state = self._found[number % len(self._found)]
        self._found = [self.state]


fates = st.sampled_from(["well", "well", "well", "request lost", "request delayed", "reply lost"])


@dataclass(frozen=True)
class Deposit:
    """A box to be kept: by its id, or over whatever lies there by its delete key."""

    place: MailboxId
    box: bytes
    replaces: bool = False
    after_seconds: int = 0
    ttl_seconds: int = LETTER_TTL_SECONDS


@dataclass(frozen=True)
class Request:
    """One sync."""

    deletes: tuple[DeleteKey, ...] = ()
    deposits: tuple[Deposit, ...] = ()
    polls: tuple[MailboxId, ...] = ()


@dataclass
class Lying:
    """A box at the relay, and when it may be seen."""

    box: bytes
    released_at: int
    expires_at: int


@dataclass
class Relay:
    """Keeps sealed boxes for a while, and may also lose, repeat, delay, hide and replace them."""

    now: int
    lying: dict[MailboxId, Lying] = field(default_factory=dict)
    ever: list[tuple[MailboxId, bytes]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    delayed: list[Request] = field(default_factory=list)
    polled: list[MailboxId] = field(default_factory=list)
    stubborn: bool = False
    """Whether it keeps what lies there when it is to be replaced."""

    def sync(self, request: Request, *, hidden: Collection[int] = ()) -> Reply:
        """Do what *request* asks for, but say of the *hidden* polls that nothing is there."""
        self.requests.append(request)
        self.polled += [place for place in request.polls if place not in self.polled[-200:]]
        reply = Reply(self._commit(request), {})
        for position, place in enumerate(request.polls):
            box = self.visible(place)
            if box is not None and position not in hidden:
                reply.found[place] = box
        return reply

    def asked(
        self, device: Device[State], request: Request, fate: str, *, hidden: Collection[int] = ()
    ) -> Reply | None:
        """Let *device* send *request*; return the reply, if the network lets it come."""
        device.sends()
        if fate == "request delayed":
            self.delayed.append(request)
        if fate in {"request lost", "request delayed"}:
            return None
        reply = self.sync(request, hidden=hidden)
        return None if fate == "reply lost" else reply

    def repeat(self, number: int) -> None:
        """Do once more what an earlier request asked for."""
        if self.requests:
            self._commit(self.requests[number % len(self.requests)])

    def catch_up(self, number: int) -> None:
        """Do what one delayed request asked for, in whatever order."""
        if self.delayed:
            self.sync(self.delayed.pop(number % len(self.delayed)))

    def forget(self, number: int) -> None:
        """Lose one box."""
        if self.lying:
            del self.lying[list(self.lying)[number % len(self.lying)]]

    def put_back(self, number: int) -> None:
        """Show at its place a box that lay there once, over whatever lies there now."""
        if self.ever:
            place, box = self.ever[number % len(self.ever)]
            self._show(place, box)

    def sit(self, places: Collection[MailboxId], *, over: bool = False) -> None:
        """Put junk at free places, or over what lies there."""
        for place in places:
            if over or self.visible(place) is None:
                self._show(place, b"\0" * 4000)

    def sit_where_somebody_looked(self, number: int) -> None:
        """Put junk at a free place that was polled."""
        if self.polled:
            self.sit([self.polled[number % len(self.polled)]])

    def release_all(self, _: int) -> None:
        """Show at once what was to be shown later."""
        for lying in self.lying.values():
            lying.released_at = 0

    def keep_what_lies(self, number: int) -> None:
        """Replace nothing any more, or do it again."""
        self.stubborn = number % 3 > 0

    def _commit(self, request: Request) -> tuple[Status, ...]:
        for key in request.deletes:
            self.lying.pop(mailbox_id(key), None)
        return tuple(self._deposit(deposit) for deposit in request.deposits)

    def _deposit(self, deposit: Deposit) -> Status:
        lying = self.lying.get(deposit.place)
        if lying is not None and lying.expires_at <= self.now:
            lying = None
        if (deposit.replaces and not self.stubborn) or lying is None:
            released_at = self.now + deposit.after_seconds
            self.lying[deposit.place] = Lying(
                deposit.box, released_at, released_at + deposit.ttl_seconds
            )
            self._remember(deposit.place, deposit.box)
            return Status.STORED
        return Status.STORED if lying.box == deposit.box else Status.OCCUPIED

    def _show(self, place: MailboxId, box: bytes) -> None:
        self.lying[place] = Lying(box, self.now, self.now + LONGEST_SECONDS)
        self._remember(place, box)

    def _remember(self, place: MailboxId, box: bytes) -> None:
        if (place, box) not in self.ever[-200:]:
            self.ever.append((place, box))

    def visible(self, place: MailboxId) -> bytes | None:
        """Return what whoever looks at *place* now would find."""
        lying = self.lying.get(place)
        if lying is None or not lying.released_at <= self.now < lying.expires_at:
            return None
        return lying.box
