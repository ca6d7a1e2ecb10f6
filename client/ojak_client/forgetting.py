"""Forgetting one contact: what goes from this device, and what is left of it at a relay.

Erasing never waits for a relay: it is durable first. What was owed there is kept in memory for one
last connection. Boxes that have a delete key are deleted, ours that nobody collected as well as
theirs that were read; nothing is sealed any more, so the other side is told nothing. What lies at
places of the number has no delete key, and stays until its time is over.

Pure, as all that changes a profile is.
"""

from collections.abc import Iterator
from typing import Final

from ojak_client.profile import Contact, LetterState, Profile, Role, find
from ojak_client.timed_parts import LIES_SECONDS, part_of
from ojak_protocol.addresses import ID_BYTES, DeleteKey, MailboxId
from ojak_protocol.conversation import LETTER_TTL_SECONDS, Outgoing
from ojak_protocol.meeting_places import DAY_SECONDS
from ojak_protocol.meeting_point import DAYS_AHEAD
from ojak_protocol.primitives import Entropy
from ojak_protocol.sync import SyncClass, SyncRequest
from ojak_protocol.values import dataclass, replace

SIZE: Final = SyncClass.ONE
"""Of the last requests: what every `ojak sync` begins with."""
ROOM: Final = 1
_DAYS_OF_AN_OFFER: Final = 2
"""It is released the day before its own, and lives three days."""
MOST_DAYS_OF_A_NUMBER: Final = DAYS_AHEAD + _DAYS_OF_AN_OFFER + 1
"""How long what lies for a number may lie at most, if the relay's day is the next one already."""


@dataclass(frozen=True, slots=True, repr=False)
class Owed:
    """What is still to be done at the relays of a contact that is forgotten."""

    relays: tuple[str, ...]
    keys: tuple[DeleteKey, ...]
    lies_until: int
    """Until when anything lies there if nobody is told, Unix seconds; 0: nothing does."""
    lies_anyway_until: int
    """The same for what cannot be deleted, or is left by choice."""


def forget(profile: Profile, name: str) -> tuple[Profile, Contact | None]:
    """Return the profile without the contact called *name*, and that contact as it was last."""
    contact = find(profile, name)
    if contact is None:
        return profile, None
    contacts = tuple(other for other in profile.contacts if other is not contact)
    used = {relay for other in contacts for relay in other.relays}
    fillers = tuple(one for one in profile.fillers if one.relay in used)
    return replace(profile, contacts=contacts, fillers=fillers), contact


def uncollected(contact: Contact) -> int:
    """Return how many letters of ours may lie at a relay for somebody to collect."""
    lying = {out.reference for out in _boxes(contact) if out.letter}
    return sum(
        letter.role is not Role.COUNTERPART
        and (letter.state is LetterState.WAITING or part_of(contact, letter.reference) is not None)
        and (letter.reference in lying or part_of(contact, letter.reference) is not None)
        for letter in contact.ours
    )


def owed(contact: Contact, *, take_back: bool, now: int) -> Owed:
    """Return what is to be done for *contact*, which is forgotten.

    Args:
        contact: as it was last.
        take_back: whether letters that nobody collected are deleted; else they are left.
        now: device clock.
    """
    read = [key for line in contact.lines for key in line.conversation.deletes]
    read += [one.key for one in contact.part_deletes]
    ours = [out.place.delete_key for out in _boxes(contact)]
    ours += [part.delete_key for part in contact.parts]
    # However the clock was set when they were deposited, they lie no longer than from now on.
    letters = [now + LETTER_TTL_SECONDS] if any(True for _ in _boxes(contact)) else []
    letters += [max(part.due_at, now) + LIES_SECONDS for part in contact.parts]
    there = [now + LETTER_TTL_SECONDS] if read else []
    # A day is the relay's word: by our clock nothing lies for longer than our own offers.
    most = now + MOST_DAYS_OF_A_NUMBER * DAY_SECONDS
    meeting = [min(until, most) for until in _meeting_boxes(contact) if until > now]
    anyway = [*meeting, *(() if take_back else letters)]
    return Owed(
        relays=contact.relays,
        keys=tuple(dict.fromkeys([*read, *ours] if take_back else read)),
        lies_until=max([*letters, *there, *anyway], default=0),
        lies_anyway_until=max(anyway, default=0),
    )


def last_requests(owed: Owed, entropy: Entropy) -> Iterator[SyncRequest]:
    """Yield the requests that delete everything, each of the size of any other.

    Nothing is looked at: what nobody will read any more is not fetched.
    """
    for start in range(0, len(owed.keys), SIZE.deletes):
        yield SyncRequest(
            SIZE,
            polls=tuple(MailboxId(entropy(ID_BYTES)) for _ in range(SIZE.polls)),
            deletes=owed.keys[start : start + SIZE.deletes],
            room=ROOM,
        )


def _boxes(contact: Contact) -> Iterator[Outgoing]:
    """Yield every box of ours that may lie at a relay under a delete key."""
    for line in contact.lines:
        yield from line.conversation.outbox
        yield from line.conversation.farewell
    branches = [branch for one in contact.sets for v in one.point.visits for branch in v.branches]
    attempt = None if contact.visiting is None else contact.visiting.attempt
    branches += [] if attempt is None else attempt.branches
    for branch in branches:
        yield from branch.outbox


def _meeting_boxes(contact: Contact) -> Iterator[int]:
    """Yield until when boxes lie that belong to a number and cannot be deleted."""
    for one in contact.sets:
        for laid in one.point.offers:
            if laid.laid:
                yield (laid.day + _DAYS_OF_AN_OFFER) * DAY_SECONDS
        for visit in one.point.visits:
            yield visit.taken_at + LETTER_TTL_SECONDS
    visiting = contact.visiting
    if visiting is not None and visiting.laid:
        yield visiting.answered_at + LETTER_TTL_SECONDS
