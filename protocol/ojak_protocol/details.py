"""What only one kind of letter carries: the map at key 6 of a body, one class a kind.

    stop               {0: what}                          0 do not contact me, 1 send no money
    next questions     {0: set number, 1: [text × 3]}     1 to 2^32 - 1; 1 to 200 characters each
    next number        {0: the twelve digits}             as one integer; the check digit is right
    relay moved        {0: address}                       1 to 160 characters of visible ASCII
    parcel             {0: file key 32, 1: size, 2: hash 32, 3: parts, 4: due at, 5: what}
    question           {0: nonce 16, 1: share 32}         the question itself is the letter's text
    reply              {0: nonce 16, 1: share 32, 2: tag 32}
    outcome            {0: nonce 16, 2: tag 32}

Everything is checked when a value is made, so none exists that the other side would refuse. Of
what was read nothing is passed over: a field more or less, or of another type or length, is
malformed.

Source: docs/protocol.md, "Letters".
"""

from enum import IntEnum
from typing import Final, TypeAlias

from ojak_protocol import cbor
from ojak_protocol.cpace import SHARE_BYTES, Share
from ojak_protocol.errors import LocalError, Malformed, Reason, Refused
from ojak_protocol.hidden import Hidden
from ojak_protocol.number import NUMBER_DIGITS, Number, parse_number
from ojak_protocol.padding import part_count
from ojak_protocol.primitives import KEY_BYTES
from ojak_protocol.values import dataclass

MOST_QUESTION_CHARACTERS: Final = 200
MOST_ADDRESS_CHARACTERS: Final = 160
ASK_NONCE_BYTES: Final = 16
_QUESTIONS: Final = 3
_FOUR_BYTES: Final = 1 << 32

Fields: TypeAlias = "dict[int, cbor.Value]"


class StopWhat(IntEnum):
    """What the writer asks to have stopped."""

    DO_NOT_CONTACT = 0
    SEND_NO_MONEY = 1


class ParcelWhat(IntEnum):
    """What a parcel holds, as its writer says."""

    LETTER = 0
    PHOTO = 1
    VOICE = 2
    OTHER = 3


@dataclass(frozen=True, slots=True, repr=False)
class Stop(Hidden):
    """The writer asks for an end of letters or of money."""

    what: StopWhat

    def fields(self) -> Fields:
        """Return the map that says this."""
        return {0: int(self.what)}

    @classmethod
    def of(cls, fields: Fields) -> "Stop":
        """Return what *fields* say."""
        match fields:
            case {0: int(what), **rest} if not rest:
                return cls(StopWhat(what))
        raise Malformed("not the details of a stop")


@dataclass(frozen=True, slots=True, repr=False)
class NextQuestions(Hidden):
    """Which questions the next meeting will ask."""

    set_number: int
    questions: tuple[str, str, str]

    def __post_init__(self) -> None:
        if not 0 < self.set_number < _FOUR_BYTES:
            raise LocalError("a set number is from 1 to 2^32 - 1")
        if len(self.questions) != _QUESTIONS:
            raise LocalError("a set has three questions")
        for question in self.questions:
            check_question(question)

    def fields(self) -> Fields:
        """Return the map that says this."""
        return {0: self.set_number, 1: list(self.questions)}

    @classmethod
    def of(cls, fields: Fields) -> "NextQuestions":
        """Return what *fields* say."""
        match fields:
            case {0: int(number), 1: [str(first), str(second), str(third)], **rest} if not rest:
                return cls(number, (first, second, third))
        raise Malformed("not the details of next questions")


@dataclass(frozen=True, slots=True, repr=False)
class NextNumber(Hidden):
    """At which number the writer can be met from now on."""

    number: Number

    def __post_init__(self) -> None:
        if parse_number(self.number) != self.number:
            raise LocalError("a number is twelve ASCII digits")

    def fields(self) -> Fields:
        """Return the map that says this."""
        return {0: int(self.number)}

    @classmethod
    def of(cls, fields: Fields) -> "NextNumber":
        """Return what *fields* say."""
        match fields:
            case {0: int(number), **rest} if not rest:
                return cls(Number(f"{number:0{NUMBER_DIGITS}d}"))
        raise Malformed("not the details of a next number")


@dataclass(frozen=True, slots=True, repr=False)
class NextRelay(Hidden):
    """Which relay the writer uses from now on."""

    address: str

    def __post_init__(self) -> None:
        if not 0 < len(self.address) <= MOST_ADDRESS_CHARACTERS:
            raise LocalError("an address has 1 to 160 characters")
        if not all("!" <= character <= "~" for character in self.address):
            raise LocalError("an address is visible ASCII")

    def fields(self) -> Fields:
        """Return the map that says this."""
        return {0: self.address}

    @classmethod
    def of(cls, fields: Fields) -> "NextRelay":
        """Return what *fields* say."""
        match fields:
            case {0: str(address), **rest} if not rest:
                return cls(address)
        raise Malformed("not the details of a moved relay")


@dataclass(frozen=True, slots=True, repr=False)
class Parcel(Hidden):
    """Where a parcel lies and how to know that it is whole."""

    file_key: bytes
    """32 bytes, secret: places and keys of the parts come from it."""
    size: int
    """Bytes of the whole, without padding."""
    digest: bytes
    """32 bytes: the hash of the whole."""
    parts: int
    """How many boxes it takes; the size alone decides it."""
    what: ParcelWhat
    due_at: int = 0
    """Unix seconds before which it is not shown; 0: at once. Only one part may be due later."""

    def __post_init__(self) -> None:
        if len(self.file_key) != KEY_BYTES or len(self.digest) != KEY_BYTES:
            raise LocalError("a file key and a hash have 32 bytes")
        if self.parts != part_count(self.size):
            raise LocalError("a parcel of this size has another number of parts")
        if not 0 <= self.due_at < _FOUR_BYTES or (self.due_at and self.parts > 1):
            raise LocalError("only a parcel of one part is due later, before 2^32")

    def fields(self) -> Fields:
        """Return the map that says this."""
        fields: Fields = {0: self.file_key, 1: self.size, 2: self.digest, 3: self.parts}
        if self.due_at:
            fields[4] = self.due_at
        return fields | {5: int(self.what)}

    @classmethod
    def of(cls, fields: Fields) -> "Parcel":
        """Return what *fields* say."""
        match fields:
            case {
                0: bytes(key),
                1: int(size),
                2: bytes(digest),
                3: int(parts),
                5: int(what),
                **rest,
            } if not rest:
                return cls(key, size, digest, parts, ParcelWhat(what))
            case {
                0: bytes(key),
                1: int(size),
                2: bytes(digest),
                3: int(parts),
                4: int(due_at),
                5: int(what),
                **rest,
            } if not rest and due_at:
                return cls(key, size, digest, parts, ParcelWhat(what), due_at)
        raise Malformed("not the details of a parcel")


@dataclass(frozen=True, slots=True, repr=False)
class Question(Hidden):
    """The writer asks a question and has answered it; the answers are to be compared."""

    nonce: bytes
    """16 bytes: the name of this one comparison."""
    share: Share

    def __post_init__(self) -> None:
        _check_lengths((self.nonce, ASK_NONCE_BYTES), (self.share, SHARE_BYTES))

    def fields(self) -> Fields:
        """Return the map that says this."""
        return {0: self.nonce, 1: self.share}

    @classmethod
    def of(cls, fields: Fields) -> "Question":
        """Return what *fields* say."""
        match fields:
            case {0: bytes(nonce), 1: bytes(share), **rest} if not rest:
                return cls(nonce, Share(share))
        raise Malformed("not the details of a question")


@dataclass(frozen=True, slots=True, repr=False)
class QuestionReply(Hidden):
    """The writer has answered a question; the tag shows it to one who answered the same."""

    nonce: bytes
    share: Share
    tag: bytes

    def __post_init__(self) -> None:
        _check_lengths(
            (self.nonce, ASK_NONCE_BYTES), (self.share, SHARE_BYTES), (self.tag, KEY_BYTES)
        )

    def fields(self) -> Fields:
        """Return the map that says this."""
        return {0: self.nonce, 1: self.share, 2: self.tag}

    @classmethod
    def of(cls, fields: Fields) -> "QuestionReply":
        """Return what *fields* say."""
        match fields:
            case {0: bytes(nonce), 1: bytes(share), 2: bytes(tag), **rest} if not rest:
                return cls(nonce, Share(share), tag)
        raise Malformed("not the details of a reply")


@dataclass(frozen=True, slots=True, repr=False)
class QuestionOutcome(Hidden):
    """The one who asked has compared; the tag shows the other whether the answers were equal."""

    nonce: bytes
    tag: bytes

    def __post_init__(self) -> None:
        _check_lengths((self.nonce, ASK_NONCE_BYTES), (self.tag, KEY_BYTES))

    def fields(self) -> Fields:
        """Return the map that says this."""
        return {0: self.nonce, 2: self.tag}

    @classmethod
    def of(cls, fields: Fields) -> "QuestionOutcome":
        """Return what *fields* say."""
        match fields:
            case {0: bytes(nonce), 2: bytes(tag), **rest} if not rest:
                return cls(nonce, tag)
        raise Malformed("not the details of an outcome")


Details: TypeAlias = (
    Stop
    | NextQuestions
    | NextNumber
    | NextRelay
    | Parcel
    | Question
    | QuestionReply
    | QuestionOutcome
)


def decode_details(expected: type[Details], fields: cbor.Value) -> Details:
    """Return the details of class *expected* in *fields*.

    Raises:
        Malformed: *fields* are anything else.
    """
    if type(fields) is not dict:
        raise Malformed("details are a map")
    try:
        return expected.of(fields)
    except (LocalError, ValueError):
        # `from None`: the cause may quote what was sent.
        raise Malformed("details outside their bounds") from None


def check_question(text: str) -> None:
    """Do nothing if *text* may be put as a question.

    Raises:
        Refused: EMPTY; TOO_LONG, over 200 characters; ENCODING, UTF-8 cannot hold it.
    """
    if not text:
        raise Refused(Reason.EMPTY)
    if len(text) > MOST_QUESTION_CHARACTERS:
        raise Refused(Reason.TOO_LONG)
    try:
        text.encode()
    except UnicodeEncodeError:
        # `from None`: the cause quotes the text.
        raise Refused(Reason.ENCODING) from None


def _check_lengths(*values: tuple[bytes, int]) -> None:
    if any(len(value) != size for value, size in values):
        raise LocalError("a nonce has 16 bytes, a share and a tag 32")
