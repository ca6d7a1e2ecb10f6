"""What a client knows: its contacts, their letters, conversations and meeting points.

On an own device this is what the vault holds. On a borrowed one the same value lives in memory
for the length of a visit. It is immutable; `prepare` and `apply` return new ones.
"""

from enum import Enum
from typing import Final, TypeAlias

from ojak_client.errors import ContactGone
from ojak_protocol.addresses import DeleteKey, MailboxId
from ojak_protocol.comparison import Asked, Replied
from ojak_protocol.conversation import Conversation
from ojak_protocol.details import Question, QuestionOutcome
from ojak_protocol.guest import Attempt
from ojak_protocol.hidden import Hidden
from ojak_protocol.letters import Kind
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.stretch import Seed
from ojak_protocol.values import dataclass, replace

FIRST_SET: Final = 1
"""The set of questions that a guest means who names none."""


class LetterState(Enum):
    """What is known of a letter of ours."""

    WAITING = "waiting"
    ASKED_BACK = "asked back"
    """It is to be taken back; whether it was read before, only an acknowledgement tells."""
    COLLECTED = "collected"
    """The other side's client has it; whether its person read it, nothing says."""
    READ = "read"
    """A person had it on the screen: see `settling`."""
    TAKEN_BACK = "taken back"
    EXPIRED = "expired"
    """Its time passed, and it was taken back by that; unread unless it is possibly read."""


class Role(Enum):
    """For whom a letter of ours is."""

    FAMILY = "family"
    COUNTERPART = "counterpart"
    """Harmless: it stands in the place of a letter wherever the alarm word was typed."""
    FORCED = "forced"
    """Addressed by name to whoever came with the alarm word."""


@dataclass(frozen=True, slots=True, repr=False)
class OurLetter(Hidden):
    """A letter that our person wrote; what it says is erased once it needs no more care."""

    reference: int
    text: str
    expires_at: int
    at_once: bool
    """Whether it may be offered to a visit before that visit was confirmed."""
    state: LetterState = LetterState.WAITING
    possibly_read: bool = False
    """Whether it was offered to a visit that nobody confirmed."""
    role: Role = Role.FAMILY
    kind: int = Kind.TEXT
    details: bytes = b""
    """Of `letters.encode_details`; empty for a kind that has none."""


@dataclass(frozen=True, slots=True, repr=False)
class TheirLetter(Hidden):
    """A letter of the other side that our person has not read to the end."""

    reference: int
    kind: int
    text: str
    opened: bool = False
    """Whether showing it has begun; if it is still here, showing it was interrupted."""
    details: bytes = b""
    """Of `letters.encode_details`; empty for a kind that has none."""
    forced: bool = False
    """Whether it came from somebody who had typed the alarm word."""
    equal: bool | None = None
    """Of a reply or an outcome: whether the two answers are the same."""
    held: bool = False
    """Whether it came through a line that was held then: whoever wrote it used answers that a
    stranger may have seen, and our person had not said yes to them."""
    written: tuple[int, int, int] = (0, 0, 0)
    """The number of its line, then chain and index: the order in which it was written. Line 0:
    nobody knows which."""
    told_at: int = 0
    """Device clock when our person was first told that this version cannot show it; 0: not yet."""


@dataclass(frozen=True, slots=True, repr=False)
class OurQuestion(Hidden):
    """A question that our person put, until the reply is there."""

    asked: Asked
    at: int
    """Device clock when it was put."""
    reference: int = 0
    """Which of our letters it is."""


@dataclass(frozen=True, slots=True, repr=False)
class TheirQuestion(Hidden):
    """A question of the other side that was shown, until our person answered it."""

    text: str
    question: Question
    at: int
    """Device clock when it was shown."""
    forced: bool = False
    """Whether it came from somebody who had typed the alarm word."""
    held: bool = False
    """As of the letter in which it came."""
    line: int = 0
    """The number of the line through which it came; 0: nobody knows which."""


@dataclass(frozen=True, slots=True, repr=False)
class OurReply(Hidden):
    """A question that our person answered, until the one who asked tells the outcome."""

    text: str
    """The question."""
    replied: Replied
    at: int
    """Device clock when it was answered."""


@dataclass(frozen=True, slots=True, repr=False)
class Part(Hidden):
    """The sealed box of a timed letter of ours, deposited while somebody may look for it.

    The key that opens it stands in the letter, and is erased with what the letter says.
    """

    reference: int
    """Which of our letters points to it."""
    delete_key: DeleteKey
    box: bytes
    due_at: int
    deposited_at: int = 0
    """When the relay last said that the box lies there; 0: never."""
    replaces: bool = False
    """Whether it is deposited by its delete key, over what lies there."""


@dataclass(frozen=True, slots=True, repr=False)
class PartDelete(Hidden):
    """A box of a timed letter that is still to be deleted at one relay."""

    relay: str
    key: DeleteKey


@dataclass(frozen=True, slots=True, repr=False)
class Pointer(Hidden):
    """A timed letter of the other side that is not here yet."""

    details: bytes
    """Of `letters.encode_details`: a parcel of one part."""
    due_at: int
    """Device clock from which it is looked for."""
    forced: bool = False
    """Whether it came from somebody who had typed the alarm word."""
    place: MailboxId | None = None
    """Where a side that forgets found it, and left it unacknowledged until the letter is here."""
    box: bytes = b""
    """What lay at *place*."""
    line: int = 0
    """The number of the line through which it came; 0: nobody knows which."""
    held: bool = False
    """As of a letter."""


class NewsKind(Enum):
    """What must not be missed."""

    ALARM = "alarm"
    """Somebody came with the alarm word."""
    HELD = "held"
    """Somebody came with answers that a stranger may have seen."""
    ENDED = "ended"
    """A conversation ended, because one of the two devices is a copy."""


@dataclass(frozen=True, slots=True, repr=False)
class News(Hidden):
    """One thing that happened, until our person was shown it and for as long as it matters."""

    kind: NewsKind
    at: int
    """Device clock."""
    line: int
    """The number of the line with which it happened."""
    told: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class QuestionSet(Hidden):
    """One numbered set of three questions, and the meeting point that its answers open."""

    point: MeetingPoint
    questions: tuple[str, ...]


Pair: TypeAlias = tuple[int, int]
"""References of a letter to family and of the harmless one that stands for it."""


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
    number: int
    """By which it is recognised, counted up at each confirmation; no two lines of a profile ever
    have the same. Nothing that the other side says has a part in it."""
    alarm: bool = False
    receipt_due_at: int = 0
    """Device clock at which an acknowledgement goes out by itself; 0: none is owed."""
    promised: int | None = None
    """How many of the letters that waited at the confirmation are still to go into it; None: all.
    Where there is an alarm word, it is one number for both words."""
    pairs: tuple[Pair, ...] = ()
    """Of each of these one went into it; which, the word decided."""
    newest: int = 0
    """The highest reference when it was confirmed: letters after it were written knowing of it."""
    held: bool = False
    """Whether the answers were spent, and our person has not said yes to it."""
    outcomes: tuple[QuestionOutcome, ...] = ()
    """Of questions of ours that the other side of this line replied to: they are still to be
    written into it, in the place of its next receipt."""
    brought: int = 0
    """How many letters of the other side came through it, read or not."""


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
    """What a guest was asked; a host's questions stand in its sets."""
    sets: tuple[QuestionSet, ...] = ()
    offers_again_at: int = 0
    """Device clock at which the nearest offers were last set to be laid once more."""
    visiting: Visiting | None = None
    lines: tuple[Line, ...] = ()
    ours: tuple[OurLetter, ...] = ()
    theirs: tuple[TheirLetter, ...] = ()
    arrivals: int = 0
    """How many letters of the other side have arrived so far."""
    parts: tuple[Part, ...] = ()
    pointers: tuple[Pointer, ...] = ()
    part_deletes: tuple[PartDelete, ...] = ()
    """Of timed letters taken back or read."""
    also: str = ""
    """Another relay that is looked at: the next one or the former one (see `moving`)."""
    also_until: int = 0
    """Device clock from which the former relay is not looked at any more."""
    moves_with: int = 0
    """Which letter of ours says that we move; 0: we are where we say we are."""
    elsewhere: tuple[DeleteKey, ...] = ()
    """Keys of boxes that were read and lie at the other relay."""
    asked_to_stop: bool = False
    """Whether the other side asked not to be written to."""
    our_questions: tuple[OurQuestion, ...] = ()
    their_questions: tuple[TheirQuestion, ...] = ()
    our_replies: tuple[OurReply, ...] = ()
    note: str = ""
    """What our person keeps of this one; like the name it never leaves the device."""
    news: tuple[News, ...] = ()
    used_nonces: tuple[bytes, ...] = ()
    """Of every question that was put or answered here: none of them is ever answered again."""

    @property
    def relays(self) -> tuple[str, ...]:
        """Where boxes of the other side may lie."""
        return (self.relay, self.also) if self.also else (self.relay,)

    @property
    def waiting(self) -> tuple[OurLetter, ...]:
        """Our letters to family that did not arrive yet, oldest first."""
        return self.waiting_as(Role.FAMILY)

    def waiting_as(self, role: Role) -> tuple[OurLetter, ...]:
        """Return our letters of *role* that did not arrive yet, oldest first."""
        return tuple(
            letter
            for letter in self.ours
            if letter.state is LetterState.WAITING and letter.role is role
        )

    @property
    def present_set(self) -> QuestionSet | None:
        """The set that the family should use now: the first that can be, else the last."""
        usable = [one for one in self.sets if not (one.point.spent or one.point.dead)]
        return next(iter(usable or self.sets[-1:]), None)


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
    line_numbers: int = 0
    """The highest number given to a line so far."""
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


def get(profile: Profile, name: str) -> Contact:
    """Return the contact called *name*.

    Raises:
        ContactGone: there is none, as another window changed the name or forgot it.
    """
    contact = find(profile, name)
    if contact is None:
        raise ContactGone("no contact of that name")
    return contact


def with_one_more(contact: Contact, number: int) -> Contact:
    """Return the contact after one more letter came through the line of that number."""
    lines = tuple(
        replace(line, brought=line.brought + 1) if line.number == number else line
        for line in contact.lines
    )
    return replace(contact, lines=lines)


def with_point(contact: Contact, point: MeetingPoint) -> Contact:
    """Return the contact with *point* in the place of the one of its set."""
    sets = tuple(
        replace(one, point=point) if one.point.set_number == point.set_number else one
        for one in contact.sets
    )
    return replace(contact, sets=sets)
