"""The slip: what a stranger carries on paper, in a message or as a QR code, so that two can meet.

It holds the number, the relay and, if wanted, the texts of the questions; nothing in it is
secret, and nothing in it names this program. Questions can identify people, so they are left out
unless asked for.

    slip = base32(body ‖ check), body = CBOR {0: version, 1: number, 2: relay, 3: questions}
    check = the first 4 bytes of H("slip", body)

Base32 is Crockford's: no I, L, O or U, because slips are copied by hand. The check notices a
mistyped character but for one time in 2^32; it protects against slips of the pen, not against
the one who carries the slip, who can write another.

Source: docs/protocol.md, "Slip"; https://www.crockford.com/base32.html.
"""

import base64
import unicodedata
from dataclasses import field
from typing import Final

from ojak_protocol.cbor import Value, decode, encode
from ojak_protocol.errors import LocalError, Malformed, Refused
from ojak_protocol.labels import H_SLIP
from ojak_protocol.number import Number, parse_number
from ojak_protocol.primitives import blake2b
from ojak_protocol.values import dataclass

SLIP_VERSION: Final = 1
MOST_RELAY_CHARACTERS: Final = 160
"""So that number and relay fit one QR code of version 10, level M."""

MOST_QUESTIONS: Final = 3
MOST_QUESTION_CHARACTERS: Final = 120
MOST_TYPED_CHARACTERS: Final = 8192

# Personalises a checksum; nothing secret is derived under it.
_CHECK_BYTES: Final = 4
_MOST_BYTES: Final = 2048
_GROUP: Final = 5

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RFC_4648: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TO_CROCKFORD: Final = str.maketrans(_RFC_4648, _CROCKFORD, "=")
_FROM_CROCKFORD: Final = str.maketrans(_CROCKFORD + "OIL", _RFC_4648 + "ABB")


@dataclass(frozen=True, slots=True)
class Slip:
    """What one needs to find a meeting point; not checked before it is encoded."""

    number: Number
    relay: str
    """The relay's address: 1 to 160 visible ASCII characters. What may be connected to is for
    the client to decide."""

    questions: tuple[str, ...] = field(default=(), repr=False)
    """Up to three texts of 1 to 120 characters without controls; they can identify people."""


def encode_slip(slip: Slip) -> str:
    """Return *slip* as one upper-case line without spaces.

    Without questions it has at most 304 characters.

    Raises:
        LocalError: something in *slip* is not as its fields say.
    """
    if not _is_usable(slip):
        raise LocalError("a slip that no reader would accept")
    body = _body(slip)
    return base64.b32encode(body + _check(body)).decode().translate(_TO_CROCKFORD)


def format_slip(encoded: str) -> str:
    """Return an encoded slip as it is shown to people: in groups of five characters."""
    return " ".join(encoded[at : at + _GROUP] for at in range(0, len(encoded), _GROUP))


def decode_slip(text: str) -> Slip:
    """Return the slip that a person typed, pasted or scanned.

    Case, full width, spaces, line ends and hyphens do not matter; O counts as 0, I and L as 1.

    Raises:
        Malformed: *text* is not a slip, or a character of it is wrong.
    """
    data = _bytes_of(text)
    body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    if check != _check(body):
        raise Malformed("a character of the slip is wrong")
    slip = _slip_of(decode(body, max_bytes=_MOST_BYTES))
    # Compared as bytes: the optional field is absent and not empty, each question was a text, and
    # no other field stands here.
    if not _is_usable(slip) or _body(slip) != body:
        raise Malformed("not a slip")
    return slip


def _body(slip: Slip) -> bytes:
    fields: dict[int, Value] = {0: SLIP_VERSION, 1: int(slip.number), 2: slip.relay}
    if slip.questions:
        fields[3] = list(slip.questions)
    return encode(fields)


def _check(body: bytes) -> bytes:
    return blake2b(H_SLIP, body)[:_CHECK_BYTES]


def _is_usable(slip: Slip) -> bool:
    return (
        _is_number(slip.number)
        and 1 <= len(slip.relay) <= MOST_RELAY_CHARACTERS
        and all("!" <= character <= "~" for character in slip.relay)
        and len(slip.questions) <= MOST_QUESTIONS
        and all(map(_is_question, slip.questions))
    )


def _is_number(number: Number) -> bool:
    try:
        return parse_number(number) == number
    except Refused:
        return False


def _is_question(text: str) -> bool:
    # Category C: controls, surrogates, and signs that turn the direction of what follows.
    return 1 <= len(text) <= MOST_QUESTION_CHARACTERS and not any(
        unicodedata.category(character).startswith("C") for character in text
    )


def _slip_of(fields: Value) -> Slip:
    if not isinstance(fields, dict):
        raise Malformed("not a slip")
    match fields.get(0), fields.get(1), fields.get(2), fields.get(3, []):
        case 1, int(number), str(relay), list(questions):
            texts = tuple(text for text in questions if isinstance(text, str))
            return Slip(Number(f"{number:012d}"), relay, texts)
        case _:
            raise Malformed("not a slip")


def _bytes_of(text: str) -> bytes:
    if len(text) > MOST_TYPED_CHARACTERS:
        raise Malformed("too long for a slip")
    normal = unicodedata.normalize("NFKC", text)
    written = "".join(character for character in normal if not _is_between(character))
    symbols = written.upper()
    # Both: the capitals of some characters outside of ASCII are ASCII letters.
    if not (written.isascii() and set(symbols) <= set(_CROCKFORD + "OIL")):
        raise Malformed("a character that no slip has")
    standard = symbols.translate(_FROM_CROCKFORD)
    try:
        data = base64.b32decode(standard + "=" * (-len(standard) % 8))
    except ValueError:
        raise Malformed("a slip of impossible length") from None
    # The last character may hold bits beyond the last byte, which the library does not check.
    if base64.b32encode(data).decode().rstrip("=") != standard:
        raise Malformed("a character of the slip is wrong")
    return data


def _is_between(character: str) -> bool:
    """Say whether people put such a character between groups, or never saw it."""
    return character.isspace() or unicodedata.category(character) in {"Pd", "Cf"}
