"""A guest's visit from the first look to the last box: three syncs if the host is there.

The order serves a guest who may be interrupted at any moment: what was typed before connecting
goes first; what came is shown before it is acknowledged and deleted, because on a borrowed device
nothing else remembers it.
"""

import time
from dataclasses import replace
from enum import Enum
from typing import Final

from ojak_client.exchange import Exchange, Round
from ojak_client.notices import NoticeKind
from ojak_client.profile import Contact, Profile, Visiting, find, with_contact
from ojak_client.requests import Shape
from ojak_client.rounds import room_for
from ojak_protocol.sync import MAX_WAIT_SECONDS

BRANCH_ROOM: Final = 4
"""Two boxes of each branch fit: the greeting or first letter, and one more."""


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
    """The relay had no room for the answer."""


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
        self.letters_coming = 0
        """How many letters the host said are to come."""

    @property
    def contact(self) -> Contact:
        """The contact as it is now."""
        contact = find(self._exchange.store.read(), self._name)
        if contact is None:
            raise RuntimeError("the contact of a visit is kept until the visit ends")
        return contact

    def look(self) -> Found:
        """Answer the offer and look until a box of the host opened or the time is over.

        Raises:
            NoAnswer, RelayRefused, VaultError: as `Exchange.round`.
        """
        end = time.monotonic() + self._look_seconds
        full = False
        # The first look tells the relay's day; waiting begins when there is something to wait for.
        wait = 0
        while True:
            result = self._round(wait_seconds=wait)
            kinds = {notice.kind for notice in result.notices}
            full = (full or NoticeKind.NO_RUN_FREE in kinds) and NoticeKind.OFFER_FOUND not in kinds
            visiting = self.contact.visiting
            if visiting is None:
                return Found.HOST
            left = end - time.monotonic()
            if left <= 0 and result.refused:
                return Found.REFUSED
            if left <= 0 and (visiting.attempt is None or visiting.laid):
                return _ending(visiting, full=full)
            wait = self._wait(left, visiting)

    def exchange_letters(self, *, enough: int) -> bool:
        """Send what waits; then look until *enough* letters are here or the time is over.

        Returns:
            Whether the relay took everything.

        Raises:
            NoAnswer, RelayRefused, VaultError: as `Exchange.round`.
        """
        end = time.monotonic() + self._look_seconds
        wait = 0 if enough <= len(self.contact.theirs) else MAX_WAIT_SECONDS
        while True:
            result = self._round(wait_seconds=wait)
            left = end - time.monotonic()
            if self._left_behind or (result.errands and not result.refused):
                wait = 0
            elif left <= 0 or (len(self.contact.theirs) >= enough and not result.refused):
                return not result.refused
            else:
                wait = int(min(MAX_WAIT_SECONDS, max(1, left)))

    def acknowledge(self) -> None:
        """Make the next round tell the other side what was read, in a box of its own if need be."""
        now = self._exchange.moment.now

        def change(profile: Profile) -> tuple[Profile, None]:
            contact = find(profile, self._name)
            if contact is None:
                return profile, None
            lines = tuple(
                replace(line, receipt_due_at=now) if line.conversation.owes_receipt else line
                for line in contact.lines
            )
            return with_contact(profile, replace(contact, lines=lines)), None

        self._exchange.store.update(change)

    def leave_letter(self) -> bool:
        """Leave the oldest waiting letter for a host that is not there.

        Returns:
            Whether the relay took it.

        Raises:
            NoAnswer, RelayRefused, VaultError: as `Exchange.round`.
        """

        def change(profile: Profile) -> tuple[Profile, None]:
            contact = find(profile, self._name)
            if contact is None or contact.visiting is None:
                return profile, None
            visiting = replace(contact.visiting, leaves_letter=True)
            return with_contact(profile, replace(contact, visiting=visiting)), None

        self._exchange.store.update(change)
        while (result := self._round(wait_seconds=0)).errands:
            if result.refused:
                return False
        return True

    def _round(self, *, wait_seconds: int) -> Round:
        visiting = self.contact.visiting
        least = 1 if visiting is None or visiting.attempt is None else BRANCH_ROOM
        room = room_for(max(least, self._left_behind))
        result = self._exchange.round(Shape(room=room, wait_seconds=wait_seconds, guest=True))
        self._left_behind = result.left_behind
        for notice in result.notices:
            if notice.kind is NoticeKind.HOST_CONFIRMED:
                self.letters_coming = notice.count
        return result

    def _wait(self, left: float, visiting: Visiting) -> int:
        """Return how long the next request may be held: not at all while boxes lie there."""
        if self._left_behind and visiting.attempt is not None:
            return 0
        return int(min(MAX_WAIT_SECONDS, max(1, left)))


def _ending(visiting: Visiting, *, full: bool) -> Found:
    if visiting.seen:
        return Found.SOMEBODY
    return Found.FULL if full else Found.NOBODY
