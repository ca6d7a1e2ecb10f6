"""Sentences for notices, and the steps of every verb before its own work."""

import pytest

from ojak_client.failures import Failure
from ojak_client.messages import Message
from ojak_client.notices import Notice, NoticeKind
from ojak_client.opening import choose_contact, relays_of
from ojak_client.output import Output
from ojak_client.profile import Contact, Profile
from ojak_client.telling import tell
from tests.client.persons import RELAY

STEPS_OF_A_VISIT = {NoticeKind.OFFER_FOUND, NoticeKind.ANSWER_SEEN, NoticeKind.NO_RUN_FREE}
GOES_AGAIN_BY_ITSELF = {NoticeKind.LETTER_LOST}


@pytest.mark.parametrize("kind", NoticeKind)
def test_every_notice_has_its_sentence_with_all_its_values(
    kind: NoticeKind, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(Output(quiet=True), [Notice(kind, "순이", 3)])
    said = capsys.readouterr().err
    assert bool(said) == (kind not in STEPS_OF_A_VISIT | GOES_AGAIN_BY_ITSELF)
    assert "{" not in said


def test_without_a_name_the_only_contact_is_meant() -> None:
    one, two = Contact("가", RELAY), Contact("나", "https://other.example")
    assert choose_contact(Profile((one,)), None) is one
    assert choose_contact(Profile((one, two)), "나") is two
    for profile, name, message in (
        (Profile(), None, Message.NO_CONTACTS),
        (Profile((one, two)), None, Message.NEEDS_NAME),
        (Profile((one,)), "다", Message.UNKNOWN_NAME),
    ):
        with pytest.raises(Failure) as failure:
            choose_contact(profile, name)
        assert failure.value.message is message


def test_each_relay_is_named_once() -> None:
    profile = Profile((Contact("가", RELAY), Contact("나", RELAY), Contact("다", "x")))
    assert relays_of(profile) == (RELAY, "x")
