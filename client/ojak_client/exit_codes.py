"""The one table of exit codes: what a program that calls `ojak` may rely on.

Codes 10 to 15 tell outcomes apart that a person reads in the sentence on the screen. A wrong
answer, an absent family and an impostor all end with 11: the code teaches nothing that the
screen does not.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from ojak_client.i18n import Text
from ojak_client.messages import Message


class ExitCode(IntEnum):
    """How a run of `ojak` ended."""

    DONE = 0
    GENERAL = 1
    USAGE = 2
    NOTHING_YET = 10
    NOT_CONFIRMED = 11
    EXPIRED = 12
    RELAY_NOT_REACHED = 13
    RELAY_REFUSED = 14
    NOT_READY = 15
    """What is kept on this device cannot be used as it lies there: none is there, nobody is in it,
    another passphrase, damaged, put back. Trying again alone will not help."""
    INTERRUPTED = 130


_CODES: Final[Mapping[Text, ExitCode]] = {
    Message.NOTHING: ExitCode.NOTHING_YET,
    Message.NO_LETTER: ExitCode.NOTHING_YET,
    Message.UNCONFIRMED: ExitCode.NOT_CONFIRMED,
    Message.ANSWER_TAKEN: ExitCode.NOT_CONFIRMED,
    Message.NOBODY_THERE: ExitCode.NOT_CONFIRMED,
    Message.LEAVE_TOO_WEAK: ExitCode.NOT_CONFIRMED,
    Message.EXPIRED: ExitCode.EXPIRED,
    Message.OFFLINE: ExitCode.RELAY_NOT_REACHED,
    Message.UNSURE: ExitCode.RELAY_NOT_REACHED,
    Message.WRONG_PLACE: ExitCode.RELAY_NOT_REACHED,
    Message.RELAY_AS_BEFORE: ExitCode.RELAY_NOT_REACHED,
    Message.REFUSED: ExitCode.RELAY_REFUSED,
    Message.VAULT_MISSING: ExitCode.NOT_READY,
    Message.MOVE_COPIES: ExitCode.NOT_READY,
    Message.MOVE_REMAINS_ERASED: ExitCode.NOT_READY,
    Message.NO_CONTACTS: ExitCode.NOT_READY,
    Message.PASSPHRASE_WRONG: ExitCode.NOT_READY,
    Message.VAULT_DAMAGED: ExitCode.NOT_READY,
    Message.VAULT_RESTORED: ExitCode.NOT_READY,
    Message.VAULT_TOO_NEW: ExitCode.NOT_READY,
    Message.INTERRUPTED: ExitCode.INTERRUPTED,
    Message.INPUT: ExitCode.USAGE,
    Message.TOO_BIG: ExitCode.USAGE,
    Message.NEEDS_OPTION: ExitCode.USAGE,
    Message.NEEDS_TO_STDOUT: ExitCode.USAGE,
    Message.NEEDS_RELAY: ExitCode.USAGE,
    Message.NEEDS_NAME: ExitCode.USAGE,
    Message.UNSAFE_RELAY: ExitCode.USAGE,
    Message.BAD_RELAY: ExitCode.USAGE,
    Message.BAD_PROXY: ExitCode.USAGE,
    Message.PROXY_NEEDED: ExitCode.USAGE,
    Message.PROXY_MISSING: ExitCode.USAGE,
    Message.BAD_PASS: ExitCode.USAGE,
    Message.BAD_DESCRIPTOR: ExitCode.USAGE,
    Message.ONE_SOURCE: ExitCode.USAGE,
    Message.NOT_UTF8: ExitCode.USAGE,
    Message.THREE_QUESTIONS: ExitCode.USAGE,
    Message.THREE_LINES: ExitCode.USAGE,
    Message.EMPTY_LETTER: ExitCode.USAGE,
    Message.ANSWER_EMPTY: ExitCode.USAGE,
    Message.ANSWER_TOO_LONG: ExitCode.USAGE,
    Message.EQUAL_ANSWERS: ExitCode.USAGE,
    Message.ALARM_WORD_NEAR: ExitCode.USAGE,
    Message.ALARM_WORD_EASY: ExitCode.USAGE,
    Message.FOUR_LINES: ExitCode.USAGE,
    Message.UNKNOWN_SET: ExitCode.USAGE,
    Message.SET_EXISTS: ExitCode.USAGE,
    Message.SEVERAL_HELD: ExitCode.USAGE,
    Message.WHICH_LETTER: ExitCode.USAGE,
    Message.UNKNOWN_LETTER: ExitCode.USAGE,
    Message.TIME_UNCLEAR: ExitCode.USAGE,
    Message.UNDONE: ExitCode.INTERRUPTED,
    Message.HOLD_UNCLEAR: ExitCode.USAGE,
    Message.NOBODY_TO_UNDO: ExitCode.USAGE,
    Message.TIME_PAST: ExitCode.USAGE,
    Message.TIME_FAR: ExitCode.USAGE,
    Message.NOT_TOGETHER: ExitCode.USAGE,
    Message.WHICH_SET: ExitCode.USAGE,
    Message.SAME_RELAY: ExitCode.USAGE,
    Message.PASSPHRASE_EMPTY: ExitCode.USAGE,
    Message.PASSPHRASES_DIFFER: ExitCode.USAGE,
    Message.PASSPHRASE_TAKEN: ExitCode.USAGE,
    Message.NUMBER_WRONG: ExitCode.USAGE,
    Message.UNKNOWN_NAME: ExitCode.USAGE,
    Message.NAME_EXISTS: ExitCode.USAGE,
    Message.NAME_UNUSABLE: ExitCode.USAGE,
    Message.NOTE_UNUSABLE: ExitCode.USAGE,
    Message.NO_QUESTION: ExitCode.NOTHING_YET,
    Message.QUESTION_UNUSABLE: ExitCode.USAGE,
    Message.ONE_LINE: ExitCode.USAGE,
}


def exit_code(message: Text) -> ExitCode:
    """Return the code with which a run ends that ends with *message*; 1 where none is its own."""
    return _CODES.get(message, ExitCode.GENERAL)
