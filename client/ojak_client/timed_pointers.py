"""The reader's side of timed letters: pointers until they are due, then the letters themselves.

A box is looked for from the moment on at which it is due by the device's clock, and not before: a
look that finds nothing is a trace, and a relay must not be able to call for it by its own clock. It
is given up when a look found nothing seven days later, by both clocks.

A side that forgets its state would lose an acknowledged pointer with it. It leaves each pointer as
it lies until the letter itself is here, so that the next visit finds it again.
"""

from typing import Final

from ojak_client.moment import Moment
from ojak_client.notices import Notice, NoticeKind
from ojak_client.profile import Contact, Line, Pointer, TheirLetter, with_one_more
from ojak_client.timed_parts import LIES_SECONDS, deleting
from ojak_protocol import parcels
from ojak_protocol.addresses import MailboxId
from ojak_protocol.conversation import UNREADABLE
from ojak_protocol.details import Parcel, ParcelWhat
from ojak_protocol.errors import Malformed, RemoteError
from ojak_protocol.letters import Body, Kind, details_of, encode_details
from ojak_protocol.parcels import MOST_AHEAD_SECONDS
from ojak_protocol.values import replace

GONE: Final = -2
"""Stands for the kind of a timed letter that did not lie where it should. As with `UNREADABLE`, no
body can say it."""

Step = tuple[Contact, tuple[Notice, ...]]


def is_pointer(body: Body) -> bool:
    """Return whether *body* points to a letter that is due at some time."""
    details = body.details
    return isinstance(details, Parcel) and details.what is ParcelWhat.LETTER and details.due_at > 0


def keep_pointer(
    contact: Contact,
    body: Body,
    moment: Moment,
    *,
    through: Line,
    left_at: tuple[MailboxId, bytes] | None = None,
) -> Step:
    """Return the contact with the pointer in *body*, and word of it if it is due later.

    Args:
        contact: the contact.
        body: for which `is_pointer` holds.
        moment: now.
        through: the line through which it came.
        left_at: place and box of the pointer, if it was left there.
    """
    parcel = body.details
    if not isinstance(parcel, Parcel) or any(
        _parcel(other).file_key == parcel.file_key for other in contact.pointers
    ):
        return contact, ()
    # Nothing is held back for longer by any relay: whoever names a later day must not fill the
    # vault with what is never due. A device whose clock begins in 1970 goes by the relay's.
    latest = max(moment.now, moment.relay_clock) + MOST_AHEAD_SECONDS
    due_at = min(parcel.due_at, latest)
    place, box = left_at or (None, b"")
    pointer = Pointer(
        encode_details(parcel),
        due_at,
        through.alarm,
        place,
        box,
        line=through.number,
        held=through.held,
    )
    contact = replace(contact, pointers=(*contact.pointers, pointer))
    if due_at <= moment.now:
        return contact, ()
    return contact, (Notice(NoticeKind.LETTER_FOR_LATER, contact.name, due_at),)


def left_places(contact: Contact) -> frozenset[MailboxId]:
    """Return where pointers were left; to fetch them again would be no news."""
    return frozenset(one.place for one in contact.pointers if one.place is not None)


def due_places(contact: Contact, now: int) -> tuple[MailboxId, ...]:
    """Return where letters lie that are due."""
    return tuple(_place(one) for one in contact.pointers if one.due_at <= now)


def later(contact: Contact, now: int) -> tuple[int, ...]:
    """Return when the letters that are not due yet can be opened, earliest first."""
    return tuple(sorted(one.due_at for one in contact.pointers if one.due_at > now))


def take(
    contact: Contact, place: MailboxId, box: bytes, now: int
) -> tuple[Contact, Pointer] | None:
    """Return the contact with the letter in *box* among those that came, and its pointer.

    None: *box* is no letter that is due. What was sealed by nobody who holds the key is left
    alone: its writer can replace it yet.
    """
    pointer = _due_at_place(contact, place, now)
    if pointer is None:
        return None
    parcel = _parcel(pointer)
    try:
        content = parcels.open_part(parcel, 0, box)
    except RemoteError:
        return None
    try:
        kind, text = int(Kind.TEXT), parcels.join(parcel, {0: content}).decode()
    except (Malformed, UnicodeDecodeError):
        kind, text = UNREADABLE, ""
    contact = _in_place_of(contact, pointer, kind, text)
    key = parcels.part_delete_key(parcel, 0)
    return deleting(contact, key), pointer


def missed(contact: Contact, place: MailboxId, moment: Moment) -> Step:
    """Return the contact after no letter was found at *place*, which may have been for good."""
    pointer = _due_at_place(contact, place, moment.now)
    if pointer is None or min(moment.now, moment.relay_clock) < pointer.due_at + LIES_SECONDS:
        return contact, ()
    contact = _in_place_of(contact, pointer, GONE, "")
    return contact, (Notice(NoticeKind.LETTER_GONE, contact.name),)


def _in_place_of(contact: Contact, pointer: Pointer, kind: int, text: str) -> Contact:
    letter = TheirLetter(
        contact.arrivals + 1,
        kind,
        text,
        forced=pointer.forced,
        held=pointer.held,
        written=(pointer.line, 0, 0),
    )
    contact = with_one_more(contact, pointer.line)
    return replace(
        contact,
        pointers=tuple(other for other in contact.pointers if other is not pointer),
        theirs=(*contact.theirs, letter),
        arrivals=letter.reference,
    )


def _due_at_place(contact: Contact, place: MailboxId, now: int) -> Pointer | None:
    due = (one for one in contact.pointers if one.due_at <= now and _place(one) == place)
    return next(due, None)


def _place(pointer: Pointer) -> MailboxId:
    return parcels.part_ids(_parcel(pointer))[0]


def _parcel(pointer: Pointer) -> Parcel:
    parcel = details_of(Kind.PARCEL, pointer.details)
    if not isinstance(parcel, Parcel):
        raise TypeError("a pointer holds the details of a parcel")
    return parcel
