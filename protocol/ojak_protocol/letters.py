"""The body of a box: what one side says to the other, 1608 bytes.

    u16 length ‖ CBOR map ‖ zeros

    0 kind            1 text          2 acknowledgement [count, tag, withdrawn, lost]
    3 expiry (Unix seconds)           4 kept (0: this side's state goes after the visit; 1: stays)
    5 following (how many letters the writer sends once this box was answered)
    6 details: what only this kind carries (see `details`); absent where a kind has none

Text and details have 1500 bytes together, so that a body holds them beside all else whatever the
acknowledgement of the moment is: a letter that fits once fits always.

Source: docs/protocol.md, "Letters".
"""

from enum import IntEnum
from typing import Final

from ojak_protocol import cbor
from ojak_protocol.acknowledgement import TAG_BYTES, Acknowledgement
from ojak_protocol.box import BODY_BYTES
from ojak_protocol.details import (
    Details,
    NextNumber,
    NextQuestions,
    NextRelay,
    Parcel,
    Question,
    QuestionOutcome,
    QuestionReply,
    Stop,
    check_question,
    decode_details,
)
from ojak_protocol.errors import LocalError, Malformed, Reason, Refused
from ojak_protocol.hidden import Hidden
from ojak_protocol.primitives import u16
from ojak_protocol.values import dataclass

MOST_TEXT_BYTES: Final = 1500
"""What text (in UTF-8) and details (in CBOR) may have together."""

_MOST_CBOR_BYTES: Final = BODY_BYTES - 2


class Kind(IntEnum):
    """What a letter is. A number missing here comes from a later version."""

    GREETING = 0
    TEXT = 1
    WITHDRAWN = 2
    PARCEL = 3
    STOP = 4
    MONEY = 5
    QUESTIONS = 6
    NUMBER = 7
    RELAY = 8
    QUESTION = 9
    REPLY = 10
    OUTCOME = 11
    ENDED = 12
    """The writer saw that one side was restored from a copy, and ends the conversation."""


_UNDERSTOOD: Final = frozenset(Kind) - {Kind.MONEY}
_WITH_TEXT: Final = frozenset({Kind.TEXT, Kind.QUESTION})
_DETAILS: Final[dict[int, type[Details]]] = {
    Kind.PARCEL: Parcel,
    Kind.STOP: Stop,
    Kind.QUESTIONS: NextQuestions,
    Kind.NUMBER: NextNumber,
    Kind.RELAY: NextRelay,
    Kind.QUESTION: Question,
    Kind.REPLY: QuestionReply,
    Kind.OUTCOME: QuestionOutcome,
}


@dataclass(frozen=True, slots=True, repr=False)
class Body(Hidden):
    """What one box says."""

    kind: int
    text: str = ""
    acknowledgement: Acknowledgement | None = None
    expires_at: int = 0
    """After this the writer takes the letter back; 0: it never does."""
    kept: bool | None = None
    """Whether the writer's state outlives the visit; None: this box does not say."""
    following: int = 0
    """How many letters wait for the reply to this box."""
    details: Details | None = None
    """What only this kind carries; None for kinds without details, and for unknown kinds."""

    @property
    def understood(self) -> bool:
        """Whether this version knows what to do with the kind."""
        return self.kind in _UNDERSTOOD


def encode_body(body: Body) -> bytes:
    """Return the 1608 bytes that say *body*.

    Raises:
        Refused: text and details have more than 1500 bytes together, UTF-8 cannot hold the text,
            or the text of a question has not 1 to 200 characters.
        LocalError: the details are not those of the kind, a letter has no text, or a kind without
            text has one.
    """
    _check(body)
    fields: dict[int, cbor.Value] = {0: int(body.kind)}
    if body.text:
        fields[1] = body.text
    if body.acknowledgement is not None:
        told = body.acknowledgement
        fields[2] = [told.count, told.tag, told.withdrawn, told.lost]
    if body.expires_at:
        fields[3] = body.expires_at
    if body.kept is not None:
        fields[4] = int(body.kept)
    if body.following:
        fields[5] = body.following
    if body.details is not None:
        fields[6] = body.details.fields()
    encoded = cbor.encode(fields)
    return (u16(len(encoded)) + encoded).ljust(BODY_BYTES, b"\0")


def decode_body(data: bytes) -> Body:
    """Return what the 1608 bytes of *data* say.

    Fields that a later version added to a kind this version does not know are passed over; the
    kind itself tells the person that this version is too old.

    Raises:
        Malformed: *data* is not a body.
    """
    if len(data) != BODY_BYTES:
        raise Malformed("a body has 1608 bytes")
    length = int.from_bytes(data[:2], "big")
    if length > _MOST_CBOR_BYTES or any(data[2 + length :]):
        raise Malformed("a body is filled with zeros")
    fields = cbor.decode(data[2 : 2 + length], max_bytes=_MOST_CBOR_BYTES)
    if type(fields) is not dict:
        raise Malformed("a body is a map")
    kind = _unsigned(fields, 0)
    body = Body(
        kind=kind,
        text=_text(fields),
        acknowledgement=_acknowledgement(fields),
        expires_at=_counted(fields, 3),
        kept=_flag(fields, 4),
        following=_counted(fields, 5),
        details=_details(kind, fields),
    )
    if body.understood:
        _check_read(body, fields)
    return body


def encode_details(details: Details) -> bytes:
    """Return the bytes of *details* by themselves, for keeping a letter apart from its box."""
    return cbor.encode(details.fields())


def details_of(kind: int, data: bytes) -> Details | None:
    """Return the details of a letter of *kind* that `encode_details` made; None of no bytes.

    Raises:
        Malformed: *data* are not details of this kind.
    """
    expected = _DETAILS.get(kind)
    if not data:
        return None
    if expected is None:
        raise Malformed("details of a kind that has none")
    return decode_details(expected, cbor.decode(data, max_bytes=_MOST_CBOR_BYTES))


def _check(body: Body) -> None:
    """Refuse what no body may say."""
    if (None if body.details is None else type(body.details)) is not _DETAILS.get(body.kind):
        raise LocalError("a kind has its own details and no others")
    if body.kind == Kind.QUESTION:
        check_question(body.text)
    if body.understood and bool(body.text) is not (body.kind in _WITH_TEXT):
        raise LocalError("a text stands in letters and questions, and in nothing else")
    try:
        size = len(body.text.encode())
    except UnicodeEncodeError:
        # `from None`: the cause quotes the text.
        raise Refused(Reason.ENCODING) from None
    if body.details is not None:
        size += len(cbor.encode(body.details.fields()))
    if size > MOST_TEXT_BYTES:
        raise Refused(Reason.TOO_LONG)


def _check_read(body: Body, fields: dict[int, cbor.Value]) -> None:
    if not fields.keys() <= {0, 1, 2, 3, 4, 5, 6}:
        raise Malformed("an unknown field in a known kind")
    try:
        _check(body)
    except LocalError:
        raise Malformed("a body that nobody may write") from None


def _details(kind: int, fields: dict[int, cbor.Value]) -> Details | None:
    expected = _DETAILS.get(kind)
    if expected is not None and 6 in fields:
        return decode_details(expected, fields[6])
    if kind in _UNDERSTOOD and 6 in fields:
        raise Malformed("details of a kind that has none")
    return None


def _unsigned(fields: dict[int, cbor.Value], key: int) -> int:
    value = fields.get(key)
    if type(value) is not int:
        raise Malformed("a number is missing")
    return value


def _counted(fields: dict[int, cbor.Value], key: int) -> int:
    value = _unsigned(fields, key) if key in fields else 0
    if key in fields and not value:
        raise Malformed("a zero is left out")
    return value


def _flag(fields: dict[int, cbor.Value], key: int) -> bool | None:
    if key not in fields:
        return None
    value = _unsigned(fields, key)
    if value > 1:
        raise Malformed("a flag is 0 or 1")
    return bool(value)


def _text(fields: dict[int, cbor.Value]) -> str:
    value = fields.get(1, "")
    if type(value) is not str or (1 in fields and not value):
        raise Malformed("a text is not a text")
    return value


def _acknowledgement(fields: dict[int, cbor.Value]) -> Acknowledgement | None:
    if 2 not in fields:
        return None
    match fields[2]:
        case [int(count), bytes(tag), int(withdrawn), int(lost)] if count and len(tag) == TAG_BYTES:
            return Acknowledgement(count, tag, withdrawn, lost)
        case _:
            raise Malformed("an acknowledgement is not one")
