"""What a client knows: its contacts, their letters, conversations and meeting points.

On an own device this is what the vault holds. On a borrowed one the same value lives in memory
for the length of a visit. It is immutable; `prepare` and `apply` return new ones.
"""

from dataclasses import dataclass, replace
from enum import Enum

from ojak_protocol.addresses import MailboxId
from ojak_protocol.conversation import Conversation
from ojak_protocol.guest import Attempt
from ojak_protocol.hidden import Hidden
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.stretch import Seed


class LetterState(Enum):
    """What is known of a letter of ours."""

    WAITING = "waiting"
    COLLECTED = "collected"
    TAKEN_BACK = "taken back"


@dataclass(frozen=True, slots=True, repr=False)
class OurLetter(Hidden):
    """A letter that our person wrote; its text is erased once it needs no more care."""

    reference: int
    text: str
    expires_at: int
    at_once: bool
    """Whether it may be offered to a visit before that visit was confirmed."""
    state: LetterState = LetterState.WAITING
    possibly_read: bool = False
    """Whether it was offered to a visit that nobody confirmed."""


@dataclass(frozen=True, slots=True, repr=False)
class TheirLetter(Hidden):
    """A letter of the other side that our person has not read to the end."""

    reference: int
    kind: int
    text: str
    opened: bool = False
    """Whether showing it has begun; if it is still here, showing it was interrupted."""


@dataclass(frozen=True, slots=True, repr=False)
class Line(Hidden):
    """A conversation with what the client knows around it."""

    conversation: Conversation
    kept: bool
    """Whether the other side keeps its state after the visit."""
    keeps: bool
    """Whether we keep ours."""
    confirmed_at: int
    looks_until: int
    """Relay clock until which a side that does not keep its state looks for more."""
    alarm: bool = False
    receipt_due_at: int = 0
    """Device clock at which an acknowledgement goes out by itself; 0: none is owed."""


@dataclass(frozen=True, slots=True, repr=False)
class Visiting(Hidden):
    """What a guest needs until it is confirmed."""

    seed: Seed
    typed: bytes
    """Stretched from the answers, 32 bytes."""
    set_number: int
    look_seconds: int
    """How long this guest looks after it answered."""
    keeps: bool
    """Whether this guest's state outlives the visit."""
    leaves_letter: bool = False
    """Whether the first letter is left for a host that is not there."""
    run: int = 0
    attempt: Attempt | None = None
    laid: bool = False
    """Whether the answer lies at the relay."""
    answered_at: int = 0
    """Device clock when the run was answered."""
    seen: bool = False
    """Whether the host's side took the answer."""
    full: tuple[bytes, ...] = ()
    """Nonces of offers whose every run was taken by others; they are not answered again."""

    @property
    def shows_branches(self) -> bool:
        """Whether places that follow from the answers may be named to the relay.

        A relay that plays the host knows from them whether a word fits. It could say of every
        answer that its run is taken, and try two more words on the next: so only the first answer
        is laid and looked after in one request, another one after the relay has accepted it.
        """
        return self.laid or (self.run == 0 and not self.full)


@dataclass(frozen=True, slots=True, repr=False)
class Contact(Hidden):
    """One person at the other end, or the hope of one."""

    name: str
    relay: str
    questions: tuple[str, ...] = ()
    point: MeetingPoint | None = None
    offers_again_at: int = 0
    """Device clock at which the nearest offers were last set to be laid once more."""
    visiting: Visiting | None = None
    lines: tuple[Line, ...] = ()
    ours: tuple[OurLetter, ...] = ()
    theirs: tuple[TheirLetter, ...] = ()
    arrivals: int = 0
    """How many letters of the other side have arrived so far."""

    @property
    def waiting(self) -> tuple[OurLetter, ...]:
        """Our letters that did not arrive yet, oldest first."""
        return tuple(letter for letter in self.ours if letter.state is LetterState.WAITING)


@dataclass(frozen=True, slots=True, repr=False)
class Fillers(Hidden):
    """Ids that fill up the polls at one relay; two relays must not see the same ones."""

    relay: str
    steps: int
    """How many chains there were when they were drawn; with one more they are drawn anew."""
    ids: tuple[MailboxId, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Profile(Hidden):
    """Everything."""

    contacts: tuple[Contact, ...] = ()
    references: int = 0
    """The highest number given to a letter so far."""
    fillers: tuple[Fillers, ...] = ()


def with_contact(profile: Profile, contact: Contact) -> Profile:
    """Return the profile with *contact* in the place of the one of that name, or added."""
    if any(other.name == contact.name for other in profile.contacts):
        contacts = tuple(
            contact if other.name == contact.name else other for other in profile.contacts
        )
        return replace(profile, contacts=contacts)
    return replace(profile, contacts=(*profile.contacts, contact))


def find(profile: Profile, name: str) -> Contact | None:
    """Return the contact called *name*, if there is one."""
    return next((contact for contact in profile.contacts if contact.name == name), None)


def with_letter(
    profile: Profile, name: str, text: str, *, expires_at: int, at_once: bool
) -> Profile:
    """Return the profile with a letter to the contact called *name* waiting to go.

    Where there is no such contact, the profile is returned as it is.
    """
    contact = find(profile, name)
    if contact is None:
        return profile
    letter = OurLetter(profile.references + 1, text, expires_at, at_once)
    profile = replace(profile, references=letter.reference)
    return with_contact(profile, replace(contact, ours=(*contact.ours, letter)))


def references_in(line: Line) -> tuple[int, ...]:
    """Return which of our letters are sealed in *line* and unacknowledged."""
    return tuple(out.reference for out in line.conversation.outbox if out.reference)


def lies_at_relay(contact: Contact, reference: int) -> bool:
    """Return whether the relay said that our letter *reference* lies there for a confirmed side.

    A letter left for an absent host counts once it lies there in both branches.
    """
    attempt = None if contact.visiting is None else contact.visiting.attempt
    if attempt is not None:
        return all(_is_deposited(branch, reference) for branch in attempt.branches)
    return any(_is_deposited(line.conversation, reference) for line in contact.lines)


def _is_deposited(conversation: Conversation, reference: int) -> bool:
    return any(out.reference == reference and out.deposited_at for out in conversation.outbox)
