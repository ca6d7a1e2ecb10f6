"""The errors of the protocol.

    ProtocolError               never raised itself
    ├── LocalError              this program misused the protocol
    │   ├── Refused             something a person typed cannot be used; carries a `Reason`
    │   └── Exhausted           a bound of the protocol is reached; nothing was changed
    └── RemoteError             the bytes of the other side are not acceptable
        ├── Malformed           not in the format at all: the only error of a parser
        ├── Unopenable          well formed, but not sealed for this place by our peer
        ├── TooNew              made by a later version than this one
        └── CopyDetected        the other side, or this one, was restored from a copy

No message carries a secret, a peer's bytes or an address.
"""

from enum import Enum


class ProtocolError(Exception):
    """Root of all errors raised by `ojak_protocol`; never raised itself."""


class LocalError(ProtocolError):
    """This program called the protocol with something it must not be called with."""


class Reason(Enum):
    """Why something a person typed cannot be used."""

    ENCODING = "encoding"
    UNFINISHED_SYLLABLE = "unfinished syllable"
    UNUSABLE_CHARACTER = "unusable character"
    EMPTY = "empty"
    TOO_LONG = "too long"
    WRONG_LENGTH = "wrong length"
    CHECK_DIGIT = "check digit"
    EQUAL_ANSWERS = "equal answers"
    ALARM_WORD_NEAR = "alarm word too near"
    ALARM_WORD_EASY = "alarm word too easy"


class Refused(LocalError):
    """What a person typed cannot be used; *reason* says why, never what was typed."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Exhausted(LocalError):
    """A bound of the protocol is reached; nothing was changed and it may pass by itself."""


class RemoteError(ProtocolError):
    """Bytes that came from outside are not acceptable; the state did not change."""


class Malformed(RemoteError):
    """The bytes are not in the format; the only error a parser raises."""


class Unopenable(RemoteError):
    """The bytes were not sealed for this place by the peer this state belongs to."""


class TooNew(RemoteError):
    """The bytes were made by a later version of Ojak than this one."""


class CopyDetected(RemoteError):
    """One of the two sides was restored from a copy; the conversation must end."""
