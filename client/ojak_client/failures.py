"""How a verb ends without success: one sentence, perhaps a command to type, and an exit code.

This file alone maps errors to sentences.
"""

from collections.abc import Mapping
from typing import Final

from ojak_client import errors as client
from ojak_client.i18n import Text
from ojak_client.messages import Message
from ojak_protocol import errors as protocol


class Failure(client.ClientError):
    """The run ends with *message*; `exit_codes` says with which code.

    Args:
        message: the sentence for the person.
        command: what to type next, shown after the sentence.
        values: the variables of the sentence; never a secret.
    """

    def __init__(self, message: Text, *, command: str | None = None, **values: object) -> None:
        super().__init__(message.id)
        self.message = message
        self.command = command
        self.values = values


_SENTENCES: Final[Mapping[type[Exception], Text]] = {
    client.BadRelayUrl: Message.BAD_RELAY,
    client.UnsafeRelay: Message.UNSAFE_RELAY,
    client.BadProxyUrl: Message.BAD_PROXY,
    client.ProxyNeeded: Message.PROXY_NEEDED,
    client.ProxyMissing: Message.PROXY_MISSING,
    client.BadPass: Message.BAD_PASS,
    client.NotReached: Message.OFFLINE,
    client.Unsure: Message.UNSURE,
    client.WrongPlace: Message.WRONG_PLACE,
    client.RelayRefused: Message.REFUSED,
    client.OutputUnusable: Message.CANNOT_SHOW,
    client.ContactGone: Message.CONTACT_GONE,
    client.NoVault: Message.VAULT_MISSING,
    client.MoveBegun: Message.MOVE_CUT_OFF,
    client.VaultExists: Message.VAULT_EXISTS,
    client.WrongPassphrase: Message.PASSPHRASE_WRONG,
    client.VaultDamaged: Message.VAULT_DAMAGED,
    client.VaultIncomplete: Message.VAULT_INCOMPLETE,
    client.VaultRestored: Message.VAULT_RESTORED,
    client.VaultTooNew: Message.VAULT_TOO_NEW,
    client.VaultBusy: Message.VAULT_BUSY,
    client.VaultFull: Message.VAULT_FULL,
    client.NotAllKept: Message.NOT_ALL_KEPT,
    client.NotAllSealed: Message.NOT_ALL_SEALED,
    client.PassphraseTaken: Message.PASSPHRASE_TAKEN,
    client.PassphraseUnsure: Message.PASSPHRASE_UNSURE,
    client.NoSlotLeft: Message.NO_SLOT_LEFT,
    client.NotAllErased: Message.NOT_ALL_ERASED,
    client.VaultUnusable: Message.CANNOT_WRITE,
    protocol.Exhausted: Message.TOO_MANY_WAITING,
    protocol.Malformed: Message.DAMAGED,
    protocol.Unopenable: Message.DAMAGED,
    protocol.TooNew: Message.TOO_NEW,
    protocol.CopyDetected: Message.COPY,
}

_REASONS: Final[Mapping[protocol.Reason, Text]] = {
    protocol.Reason.ENCODING: Message.NOT_UTF8,
    protocol.Reason.UNFINISHED_SYLLABLE: Message.INPUT,
    protocol.Reason.UNUSABLE_CHARACTER: Message.INPUT,
    protocol.Reason.EMPTY: Message.ANSWER_EMPTY,
    protocol.Reason.TOO_LONG: Message.ANSWER_TOO_LONG,
    protocol.Reason.WRONG_LENGTH: Message.NUMBER_WRONG,
    protocol.Reason.CHECK_DIGIT: Message.NUMBER_WRONG,
    protocol.Reason.EQUAL_ANSWERS: Message.EQUAL_ANSWERS,
    protocol.Reason.ALARM_WORD_NEAR: Message.ALARM_WORD_NEAR,
    protocol.Reason.ALARM_WORD_EASY: Message.ALARM_WORD_EASY,
}


def explain(error: Exception) -> Failure:
    """Return the sentence for *error*; `Message.FAULT` where only a bug can have raised it."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, protocol.Refused):
        return Failure(_REASONS[error.reason])
    return Failure(_SENTENCES.get(type(error), Message.FAULT))
