"""The table of exit codes."""

import pytest

from ojak_client.exit_codes import ExitCode, exit_code
from ojak_client.i18n import Text
from ojak_client.messages import Message


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (Message.DAMAGED, 1),
        (Message.FAULT, 1),
        (Message.INPUT, 2),
        (Message.TOO_BIG, 2),
        (Message.NOTHING, 10),
        (Message.UNCONFIRMED, 11),
        (Message.EXPIRED, 12),
        (Message.OFFLINE, 13),
        (Message.UNSURE, 13),
        (Message.WRONG_PLACE, 13),
        (Message.REFUSED, 14),
        (Message.VAULT_MISSING, 15),
        (Message.PASSPHRASE_WRONG, 15),
        (Message.VAULT_RESTORED, 15),
        (Message.INTERRUPTED, 130),
    ],
)
def test_each_outcome_ends_with_its_published_code(message: Text, code: int) -> None:
    assert exit_code(message) == code


def test_the_codes_are_those_that_programs_rely_on() -> None:
    assert sorted(ExitCode) == [0, 1, 2, 10, 11, 12, 13, 14, 15, 130]


def test_wrong_answers_absent_family_and_impostor_share_one_code() -> None:
    outcomes = (Message.UNCONFIRMED, Message.ANSWER_TAKEN, Message.NOBODY_THERE)
    assert {exit_code(outcome) for outcome in outcomes} == {ExitCode.NOT_CONFIRMED}
