"""What a sync brought to light, in the order in which it happened; the screen finds the words."""

from enum import Enum

from ojak_protocol.values import dataclass


class NoticeKind(Enum):
    """What happened."""

    GUEST_CAME = "guest came"
    """Somebody answered an offer of ours; whether it is family is not known yet."""
    GUEST_CONFIRMED = "guest confirmed"
    GUEST_CONFIRMED_ALARM = "guest confirmed with the alarm word"
    ANSWERS_WERE_SPENT = "answers were spent"
    """The guest who confirmed used answers that a stranger may have seen: letters are held."""
    NEW_QUESTIONS_NEEDED = "new questions needed"
    """The answers were typed on a device that is not the family's, and no other set is ready."""
    GUEST_UNCONFIRMED = "guest unconfirmed"
    """Nobody confirmed an answered run in time; count: unconfirmed runs of this set."""
    POINT_CLOSED = "point closed"
    SET_DEAD = "set dead"
    NUMBER_OCCUPIED = "number occupied"
    NUMBER_DISTURBED = "number disturbed"
    """Something unreadable lay where an answer should: the relay damaged one, or made it up."""
    OFFER_FOUND = "offer found"
    ANSWER_SEEN = "answer seen"
    NO_RUN_FREE = "no run free"
    HOST_CONFIRMED = "host confirmed"
    """The host knows the same answers; count: how many letters it says are to come."""
    LETTER_ARRIVED = "letter arrived"
    ANSWER_ARRIVED = "answer arrived"
    """To a question of ours, or what became of an answer of ours."""
    LETTER_COLLECTED = "letter collected"
    LETTER_READ = "letter read"
    LETTER_EXPIRED = "letter expired"
    """Its time passed, and the other side says that it did not read it."""
    LETTER_TAKEN_BACK = "letter taken back"
    LETTER_LOST = "letter lost"
    LETTER_NOT_TAKEN_BACK = "letter not taken back"
    """A letter asked back was collected before."""
    POINTER_COLLECTED = "pointer collected"
    """The other side knows of a timed letter; nothing will say whether it opened it."""
    POINTER_NOT_TAKEN_BACK = "pointer not taken back"
    """The other side knew of a timed letter, or a parcel, that was asked back."""
    LETTER_FOR_LATER = "letter for later"
    """A timed letter of the other side was announced; count: Unix seconds when it is due."""
    LETTER_GONE = "letter gone"
    """A timed letter did not lie where it should, seven days after it was due."""
    COPY_DETECTED = "copy detected"
    BOX_SHUT = "box shut"
    """A box that the other side sealed does not open: damaged, or this device is an older copy."""
    RELAY_FULL = "relay full"
    TOO_NEW = "too new"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened with one contact."""

    kind: NoticeKind
    contact: str
    count: int = 0
