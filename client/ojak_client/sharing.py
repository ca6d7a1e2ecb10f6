"""How the room of a vault is shared out among its contacts, in bytes.

Whoever knows the answers of some contacts must leave room for all the others, and for what our
person writes. So everything is counted at the length that it may have: what a contact is and what
is written to it comes first; of the rest, letters and meetings have a part each. Half of a part is
reserved, the same for each contact. The other half is for whoever comes first, so that a contact
alone in a vault has nearly all.

Nothing here goes by the word that was typed: what is left at the relay would tell it. Pure.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from ojak_client.errors import VaultFull
from ojak_client.kinds import stays
from ojak_client.profile import Contact, LetterState, Line, OurLetter, Pointer, TheirLetter
from ojak_client.vault_format import MAX_CONTENT_BYTES
from ojak_protocol.conversation import Conversation
from ojak_protocol.values import dataclass

MOST_TO_SHARE_BYTES: Final = 400_000
"""Of a vault's 522,887: with few contacts the rest is for what our person writes."""
LEAST_TO_SHARE_BYTES: Final = 30_000
"""So much is left for others whatever our person writes or whomever they invite."""
SLACK_BYTES: Final = 24_000
"""For what is sealed next, which nothing may keep back: sixty boxes."""

MOST_OF_LETTERS: Final = 6
MOST_OF_MEETINGS: Final = 8
"""How many tenths of what is shared letters or meetings may take, where the others are few."""

LETTER_BYTES: Final = 1650
"""What one of the longest letters takes; a timed one may take 4100."""
_LETTER_HEAD_BYTES: Final = 150
VISIT_BYTES: Final = 12_600
"""What a visit takes that nobody confirmed: two conversations, two letters in each."""
LINE_BYTES: Final = 9900
"""What a conversation takes in which both sides have written, without what is sealed."""
PASSED_OVER_BYTES: Final = 210
"""What a place takes that was passed over or waits behind one that was."""
_SEALED_BYTES: Final = 400
_SET_BYTES: Final = 300
_OFFER_BYTES: Final = 840
_OFFERS_OF_A_SET: Final = 23
_CONTACT_BYTES: Final = 800
_FILLERS_BYTES: Final = 2400
_VISITING_BYTES: Final = 14_000
_RECORD_BYTES: Final = 160
_NONCE_BYTES: Final = 20

MOST_RESERVED_LETTERS: Final = 24
MOST_RESERVED_VISITS: Final = 5
STAYING_LINES: Final = 3
"""How many conversations with own devices count, of those that are not held: as many are kept of
either word, and how many there are would tell it."""
MOST_COUNTED_BEHIND: Final = 8
"""How many that stay are counted of lines that are gone, the newest: they are kept apart by the
word, and all that is kept of either is among the newest of both."""

_Held: TypeAlias = Mapping[str, tuple[int, int]]
"""By the names of contacts what each holds, and what is reserved for it."""


@dataclass(frozen=True, slots=True)
class Share:
    """How much one contact may hold, beside what the others hold and what is reserved for them."""

    letters_bytes: int = MOST_TO_SHARE_BYTES * MOST_OF_LETTERS // 10
    meetings_bytes: int = MOST_TO_SHARE_BYTES * MOST_OF_MEETINGS // 10

    @property
    def lines_bytes(self) -> int:
        """How much of it conversations may take beside the newest: no more than half."""
        return self.meetings_bytes // 2

    @property
    def passed_over_bytes(self) -> int:
        """How much of it places may take that were passed over: no more than a quarter."""
        return self.meetings_bytes // 4


def shares(contacts: Sequence[Contact]) -> dict[str, Share]:
    """Return the share of each of *contacts*, by name; all in the vault are to be among them."""
    if not contacts:
        return {}
    whole = max(0, min(MOST_TO_SHARE_BYTES, _left_bytes(contacts)))
    hosts = sum(bool(one.sets) for one in contacts)
    letter = _reserved(whole * 3 // 5, len(contacts), LETTER_BYTES, MOST_RESERVED_LETTERS)
    visit = _reserved(whole * 2 // 5, hosts, VISIT_BYTES, MOST_RESERVED_VISITS)
    letters = {one.name: (letters_bytes(one), letter) for one in contacts}
    # Nobody comes to a guest, who meets again when our person says so.
    meetings = {
        one.name: (meetings_bytes(one), visit if one.sets else LINE_BYTES) for one in contacts
    }
    # What is reserved of the one is never given to the other.
    of_letters = min(MOST_OF_LETTERS * whole // 10, whole - _taken(meetings))
    of_meetings = min(MOST_OF_MEETINGS * whole // 10, whole - _taken(letters))
    letters_of, meetings_of = _shared_out(letters, of_letters), _shared_out(meetings, of_meetings)
    return {one.name: Share(letters_of[one.name], meetings_of[one.name]) for one in contacts}


Sharing = Callable[[Sequence[Contact]], Mapping[str, Share]]
"""Give what `shares` gives."""


class LastShares:
    """`shares`, counted anew only for other contacts than the last.

    All that they hold is counted, and a sync that brings nothing asks five times.
    """

    def __init__(self) -> None:
        self._contacts: Sequence[Contact] = ()
        self._shares: Mapping[str, Share] = {}

    def __call__(self, contacts: Sequence[Contact]) -> Mapping[str, Share]:
        """Return the share of each of *contacts*, by name."""
        if contacts is not self._contacts:
            self._contacts, self._shares = contacts, shares(contacts)
        return self._shares


def share_of(contact: Contact, contacts: Sequence[Contact]) -> Share:
    """Return the share of *contact*, which may be newer than the one in *contacts*."""
    others = [one for one in contacts if one.name != contact.name]
    return shares([*others, contact])[contact.name]


def check_room(contacts: Sequence[Contact]) -> None:
    """Return if what our person wrote and whom they invited leaves enough for what must go on.

    Without it the last letter would fit, and neither be sealed nor ever be acknowledged.

    Raises:
        VaultFull: it does not.
    """
    if _left_bytes(contacts) < LEAST_TO_SHARE_BYTES:
        raise VaultFull("what is left is for what comes")


def letters_bytes(contact: Contact) -> int:
    """Return what the letters of the other side take, and word of those for a later day."""
    lines = {0, *(line.number for line in contact.lines)}
    theirs = [one for one in contact.theirs if not stays(one.kind) or one.written[0] in lines]
    pointers = [one for one in contact.pointers if one.line in lines]
    behind = [one for one in contact.theirs if stays(one.kind) and one.written[0] not in lines]
    expected = [one for one in contact.pointers if one.line not in lines]
    counted = [*theirs, *behind[-MOST_COUNTED_BEHIND:]]
    looked_for = [*pointers, *expected[-MOST_COUNTED_BEHIND:]]
    return sum(map(_letter_bytes, counted)) + sum(map(_pointer_bytes, looked_for))


def meetings_bytes(contact: Contact) -> int:
    """Return what visits, conversations beside the newest, and places passed over take."""
    visits = sum(len(one.point.visits) for one in contact.sets)
    return visits * VISIT_BYTES + lines_bytes(contact.lines) + passed_over_bytes(contact)


def lines_bytes(lines: Sequence[Line]) -> int:
    """Return what conversations take beside the newest, whichever word was typed in them."""
    staying = sum(line.kept and not line.held for line in lines)
    count = len(lines) - staying + min(staying, STAYING_LINES)
    return max(0, count - 1) * LINE_BYTES


def passed_over_bytes(contact: Contact) -> int:
    """Return what the places take that were passed over in conversations of *contact*."""
    return PASSED_OVER_BYTES * sum(passed_over(line.conversation) for line in contact.lines)


def passed_over(state: Conversation) -> int:
    """Return how many places are missing in *state*, or wait behind one that is."""
    chains = (state.ratchet.receiving, state.ratchet.ended)
    return len(state.reading.waiting) + sum(len(one.skipped) for one in chains if one is not None)


def _letter_bytes(letter: TheirLetter) -> int:
    return _LETTER_HEAD_BYTES + len(letter.text.encode()) + len(letter.details)


def _pointer_bytes(_: Pointer) -> int:
    # As long as the letter may be that it points to: it is taken when it is due.
    return LETTER_BYTES


def _left_bytes(contacts: Sequence[Contact]) -> int:
    """Return how much is left for what others send."""
    relays = {relay for one in contacts for relay in one.relays}
    own = sum(map(_own_bytes, contacts)) + len(relays) * _FILLERS_BYTES
    return MAX_CONTENT_BYTES - SLACK_BYTES - own


def _own_bytes(contact: Contact) -> int:
    """Return what a contact itself takes, with one conversation, and what is written to it."""
    sets = sum(
        _SET_BYTES + _OFFER_BYTES * max(_OFFERS_OF_A_SET, len(one.point.offers))
        for one in contact.sets
    )
    sealed = sum(len(line.conversation.outbox) for line in contact.lines) * _SEALED_BYTES
    questions = (len(contact.their_questions) + len(contact.our_replies)) * LETTER_BYTES
    questions += len(contact.our_questions) * LETTER_BYTES
    nonces = len(contact.used_nonces) * _NONCE_BYTES
    visiting = _VISITING_BYTES if contact.visiting is not None else 0
    written = sum(map(_our_bytes, contact.ours))
    typed = [
        contact.note,
        *contact.questions,
        *(text for one in contact.sets for text in one.questions),
    ]
    itself = _CONTACT_BYTES + sum(len(text.encode()) for text in typed) + sets + LINE_BYTES
    return itself + sealed + questions + nonces + visiting + written


def _our_bytes(letter: OurLetter) -> int:
    # Not by its length: after the one word one of ours is erased, after the other a harmless one.
    return LETTER_BYTES if letter.state is LetterState.WAITING else _RECORD_BYTES


def _reserved(whole: int, contacts: int, least: int, most: int) -> int:
    """Return what is reserved of half of *whole* for each, room for one thing at least."""
    return max(least, min(most * least, whole // (2 * max(1, contacts))))


def _shared_out(held: _Held, whole: int) -> dict[str, int]:
    """Return how much of *whole* each may hold."""
    taken = _taken(held)
    return {
        name: max(reserved, whole - (taken - max(many, reserved)))
        for name, (many, reserved) in held.items()
    }


def _taken(held: _Held) -> int:
    return sum(map(max, held.values()))
