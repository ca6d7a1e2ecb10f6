"""The writer's side of timed letters: one box that the relay shows to nobody before it is due.

The pointer goes through the conversation like any letter. Its acknowledgement says that the
pointer came, not that the box was fetched, and nothing ever says that: so the box is deposited
again at every third of seven days until seven days after it was due. Where it still lies that
changes nothing.
"""

from collections.abc import Iterator
from typing import Final

from ojak_client.moment import Moment
from ojak_client.our_letters import with_letter
from ojak_client.profile import Contact, Part, PartDelete, Profile, get, with_contact
from ojak_protocol.addresses import DeleteKey, mailbox_id
from ojak_protocol.conversation import LETTER_TTL_SECONDS
from ojak_protocol.letters import Kind
from ojak_protocol.parcels import pack_timed, seal_parts
from ojak_protocol.primitives import Entropy
from ojak_protocol.sync import MAX_AFTER_SECONDS, MIN_TTL_SECONDS, Deposit
from ojak_protocol.values import replace

MOST_PARTS: Final = 8
"""How many timed letters wait at a time, of all contacts together: each takes a page."""
LIES_SECONDS: Final = LETTER_TTL_SECONDS
"""How long the box lies at the relay once it was due."""


def with_timed_letter(
    profile: Profile, name: str, text: str, *, due_at: int, now: int, entropy: Entropy
) -> Profile | None:
    """Return the profile with a letter to the contact called *name* that opens at *due_at*.

    None: as many timed letters wait already as can.

    Args:
        profile: the profile.
        name: of the contact.
        text: 1 to 3960 bytes in UTF-8.
        due_at: Unix seconds, after *now* and within 30 days of it.
        now: device clock.
        entropy: fresh randomness.

    Raises:
        ContactGone: there is no such contact.
        LocalError: *text* or *due_at* is outside these bounds.
    """
    if sum(len(contact.parts) for contact in profile.contacts) >= MOST_PARTS:
        return None
    content = text.encode()
    parcel = pack_timed(content, due_at=due_at, now=now, entropy=entropy)
    (sealed,) = seal_parts(parcel, content, entropy=entropy)
    profile = with_letter(
        profile,
        name,
        "",
        expires_at=due_at + LIES_SECONDS,
        # Only to whoever is confirmed: a side that keeps nothing is told of it last.
        at_once=False,
        kind=Kind.PARCEL,
        details=parcel,
    )
    contact = get(profile, name)
    part = Part(profile.references, sealed.delete_key, sealed.box, due_at)
    return with_contact(profile, replace(contact, parts=(*contact.parts, part)))


def part_of(contact: Contact, reference: int) -> Part | None:
    """Return the box of our letter *reference*, if it is a timed one that is still looked for."""
    return next((part for part in contact.parts if part.reference == reference), None)


def without_part(contact: Contact, reference: int) -> Contact:
    """Return the contact without the box of letter *reference*, which is to be deleted."""
    part = part_of(contact, reference)
    if part is None:
        return contact
    parts = tuple(other for other in contact.parts if other is not part)
    return deleting(replace(contact, parts=parts), part.delete_key)


def deleting(contact: Contact, key: DeleteKey) -> Contact:
    """Return the contact with the box of *key* to be deleted wherever it may lie."""
    more = tuple(PartDelete(relay, key) for relay in contact.relays)
    return replace(contact, part_deletes=(*contact.part_deletes, *more))


def part_deletes(contact: Contact, relay: str) -> tuple[DeleteKey, ...]:
    """Return what is to be deleted at *relay*."""
    return tuple(one.key for one in contact.part_deletes if one.relay == relay)


def parts_deleted(contact: Contact, relay: str, done: frozenset[DeleteKey]) -> Contact:
    """Return the contact after *relay* deleted what *done* names."""
    if not contact.part_deletes:
        return contact
    left = tuple(one for one in contact.part_deletes if one.relay != relay or one.key not in done)
    return replace(contact, part_deletes=left)


def forget_parts(contact: Contact, now: int) -> Contact:
    """Return the contact without boxes for which nobody looks any more, or relays left behind."""
    if not (contact.parts or contact.part_deletes):
        return contact
    return replace(
        contact,
        parts=tuple(part for part in contact.parts if now < part.due_at + LIES_SECONDS),
        part_deletes=tuple(one for one in contact.part_deletes if one.relay in contact.relays),
    )


def part_deposits(contact: Contact, moment: Moment) -> Iterator[Deposit]:
    """Yield the boxes that have to be deposited now.

    The relay releases by its own clock, so the time left is counted on that.
    """
    for part in contact.parts:
        after = max(0, part.due_at - moment.relay_clock)
        released = max(part.due_at, moment.relay_clock)
        ttl = min(part.due_at + LIES_SECONDS - released, LIES_SECONDS)
        if after > MAX_AFTER_SECONDS or ttl < MIN_TTL_SECONDS or not _is_due(part, moment.now):
            continue
        key = part.delete_key if part.replaces else None
        yield Deposit(mailbox_id(part.delete_key), key, ttl, after, part.box)


def part_deposited(contact: Contact, deposit: Deposit, *, stored: bool, now: int) -> Contact:
    """Return the contact after the relay stored one of its boxes, or had other bytes there.

    Nobody but the two sides can show the delete key, so it goes over whatever lies there.
    """

    def changed(part: Part) -> Part:
        if part.box != deposit.box or mailbox_id(part.delete_key) != deposit.id:
            return part
        if stored:
            return replace(part, deposited_at=now, replaces=False)
        return replace(part, replaces=True)

    return replace(contact, parts=tuple(map(changed, contact.parts)))


def _is_due(part: Part, now: int) -> bool:
    # As for letters: a clock that ran backwards only makes it come too early.
    age = now - part.deposited_at
    return not part.deposited_at or not 0 <= age < LIES_SECONDS // 3
