"""A guest's visit from the first look to the last box: three syncs if the host is there.

The order serves a guest who may be interrupted at any moment: what was typed before connecting
goes first; what came is shown before it is acknowledged and deleted, because on a borrowed device
nothing else remembers it.
"""

import time
from collections.abc import Callable
from enum import Enum
from typing import Final

from ojak_client.exchange import Exchange, Round
from ojak_client.failures import Failure
from ojak_client.messages import Message
from ojak_client.notices import NoticeKind
from ojak_client.profile import Contact, Profile, Visiting, find, with_contact
from ojak_client.requests import Shape
from ojak_client.rounds import MOST_ROUNDS, check_kept, goes_on, next_room, room_for
from ojak_client.timed_pointers import later
from ojak_protocol.sync import MAX_WAIT_SECONDS
from ojak_protocol.values import replace

BRANCH_ROOM: Final = 4
"""Two boxes of each branch fit: the greeting or first letter, and one more."""
LEAST_SECONDS: Final = 1.0
"""How long a round takes at least that was to wait and brought nothing, or that follows upon many
quick ones: a relay that does not hold its answers is not asked again and again."""


class Found(Enum):
    """How looking for the host ended."""

    HOST = "host"
    SOMEBODY = "somebody"
    """Somebody took the answer, but no box of ours came."""
    NOBODY = "nobody"
    """No offer lies there, or nobody took the answer."""
    FULL = "full"
    """Somebody else answered every run of the offer."""
    REFUSED = "refused"
    """The relay takes no deposits: the answer does not lie there."""


class GuestVisit:
    """One visit with the contact called *name*, whose `visiting` is set.

    Args:
        exchange: rounds with the contact's relay.
        name: of the contact.
        look_seconds: how long to look for the host, and later for its letters.
    """

    def __init__(self, exchange: Exchange, name: str, *, look_seconds: float) -> None:
        self._exchange = exchange
        self._name = name
        self._look_seconds = look_seconds
        self._left_behind = 0
        self._room = 0
        self._quick = 0
        self.letters_coming = 0
        """How many letters the host said are to come."""

    @property
    def contact(self) -> Contact:
        """The contact as it is now."""
        contact = find(self._exchange.store.read(), self._name)
        if contact is None:
            # Another window gave it another name, or forgot it.
            raise Failure(Message.UNKNOWN_NAME, name=self._name)
        return contact

    def look(self) -> Found:
        """Answer the offer and look until a box of the host opened or the time is over.

        Raises:
            NoAnswer, RelayRefused, VaultError: as `Exchange.round`.
        """
        end = time.monotonic() + self._look_seconds
        # The first look tells the relay's day; waiting begins when there is something to wait for.
        result = self._round(wait_seconds=0)
        while True:
            contact = self.contact
            if contact.visiting is None:
                return Found.HOST if contact.lines else Found.NOBODY
            left = end - time.monotonic()
            if left <= 0 and not _is_on_its_way(contact.visiting, result):
                return _ending(contact.visiting, result)
            result = self._round(wait_seconds=self._wait(left, contact.visiting))

    def exchange_letters(self, *, enough: int, outcomes: bool = False) -> None:
        """Send what waits; then look until *enough* letters are here or the time is over.

        Args:
            enough: how many letters are waited for.
            outcomes: wait for the outcome of every question that was answered as well.

        Raises:
            NoAnswer, RelayRefused, VaultError: as `Exchange.round`.
        """

        def is_enough(contact: Contact) -> bool:
            return self._arrived() >= enough and not (outcomes and contact.our_replies)

        end = time.monotonic() + self._look_seconds
        in_a_row = 0
        most = int(min(MAX_WAIT_SECONDS, max(1, self._look_seconds)))
        wait = 0 if is_enough(self.contact) else most
        while True:
            result = self._round(wait_seconds=wait)
            left = end - time.monotonic()
            if goes_on(result) and in_a_row < MOST_ROUNDS:
                in_a_row += 1
                wait = 0
            elif is_enough(self.contact) or left <= 0:
                return
            else:
                wait = int(min(MAX_WAIT_SECONDS, max(1, left)))

    def acknowledge(self) -> None:
        """Make the next round tell the other side what was read, in a box of its own if need be."""
        now = self._exchange.moment.now

        def change(contact: Contact) -> Contact:
            lines = tuple(
                replace(line, receipt_due_at=now) if line.conversation.owes_receipt else line
                for line in contact.lines
            )
            return replace(contact, lines=lines)

        self._change(change)

    def leave_letter(self) -> None:
        """Leave the oldest waiting letter for a host that is not there.

        `lies_at_relay` tells afterwards whether it lies there.

        Raises:
            NoAnswer, RelayRefused, VaultError: as `Exchange.round`.
        """

        def change(contact: Contact) -> Contact:
            if contact.visiting is None:
                return contact
            return replace(contact, visiting=replace(contact.visiting, leaves_letter=True))

        self._change(change)
        for _ in range(MOST_ROUNDS):
            if not goes_on(self._round(wait_seconds=0)):
                return

    def _arrived(self) -> int:
        """Return how many letters came; one for a later day is not waited for."""
        contact = self.contact
        return len(contact.theirs) + len(later(contact, self._exchange.moment.now))

    def _change(self, change: Callable[[Contact], Contact]) -> None:
        def change_profile(profile: Profile) -> tuple[Profile, None]:
            contact = find(profile, self._name)
            if contact is None:
                return profile, None
            return with_contact(profile, change(contact)), None

        self._exchange.store.update(change_profile)

    def _round(self, *, wait_seconds: int) -> Round:
        visiting = self.contact.visiting
        least = BRANCH_ROOM if _is_answering(visiting) else 1
        room = max(room_for(least), self._room)
        began = time.monotonic()
        result = self._exchange.round(Shape(room=room, wait_seconds=wait_seconds, guest=True))
        took = time.monotonic() - began
        check_kept(result)
        least_seconds = min(LEAST_SECONDS, self._look_seconds)
        self._quick = self._quick + 1 if took < least_seconds else 0
        in_vain = not result.moved and (wait_seconds or result.left_behind)
        if in_vain or self._quick > MOST_ROUNDS:
            time.sleep(max(0.0, least_seconds - took))
        # Other offers that lie there are of no interest once one of them is answered.
        answered = least == 1 and _is_answering(self.contact.visiting)
        self._left_behind = 0 if answered else result.left_behind
        self._room = 0 if answered else next_room(result)
        for notice in result.notices:
            if notice.kind is NoticeKind.HOST_CONFIRMED:
                self.letters_coming = notice.count
        return result

    def _wait(self, left: float, visiting: Visiting) -> int:
        """Return how long the next request may be held: not at all while boxes lie there."""
        if self._left_behind and _is_answering(visiting):
            return 0
        if _is_answering(visiting) and not visiting.shows_branches:
            # Only the relay's word is waited for; not at all would be a hurry where it is full.
            return 1
        return int(min(MAX_WAIT_SECONDS, max(1, left)))


def _is_answering(visiting: Visiting | None) -> bool:
    return visiting is not None and visiting.attempt is not None


def _is_on_its_way(visiting: Visiting, last: Round) -> bool:
    """Return whether the answer only has to be deposited yet."""
    return visiting.attempt is not None and not visiting.laid and last.moved and not last.full


def _ending(visiting: Visiting, last: Round) -> Found:
    if visiting.seen:
        return Found.SOMEBODY
    if visiting.attempt is None:
        return Found.FULL if visiting.full else Found.NOBODY
    return Found.NOBODY if visiting.laid or not last.full else Found.REFUSED
