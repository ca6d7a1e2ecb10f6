"""`ojak stop`, and writing to somebody who asked for it."""

import unicodedata
from pathlib import Path

import pytest

from ojak_client.failures import Failure
from ojak_client.i18n import Text
from ojak_client.inputs import Inputs
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.output import Output
from ojak_client.profile import Contact
from ojak_client.stopping import confirm_writing
from ojak_protocol.letters import Kind
from tests.client.devices import Device
from tests.client.persons import NAME, line_of
from tests.people import meet

GONE = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("options", "what", "remembered"), [((), "contact", True), (("--money",), "money", False)]
)
def test_a_stop_arrives_and_is_remembered(
    tmp_path: Path, url: str, options: tuple[str, ...], what: str, *, remembered: bool
) -> None:
    pair = meet()
    one, other = Device(tmp_path / "one"), Device(tmp_path / "other")
    for device, side in ((one, pair.host), (other, pair.guest)):
        device.keep_contact(Contact(NAME, url, lines=(line_of(side),)))
    ran = one.run("stop", NAME, *options, "--yes")
    assert (ran.code, ran.said) == (0, ["left"])
    other.run("sync")
    assert other.profile.contacts[0].asked_to_stop is remembered
    (shown,) = other.run("read", "--to-stdout").events
    assert (shown["event"], shown["what"]) == ("stop-asked", what)
    assert other.profile.contacts[0].asked_to_stop is remembered


def test_a_stop_is_asked_about_once_and_waits_for_the_reply(device: Device) -> None:
    device.keep_contact(Contact(NAME, GONE))
    assert device.run("stop", NAME).code == 2
    assert not device.profile.contacts[0].ours
    assert device.run("stop", NAME, "--yes").said == ["waits-for-meeting"]
    (letter,) = device.profile.contacts[0].ours
    assert (letter.kind, letter.at_once) == (Kind.STOP, False)


def test_nothing_is_written_to_who_asked_to_stop_without_a_yes(device: Device) -> None:
    device.keep_contact(Contact(NAME, GONE, asked_to_stop=True))
    ran = device.run("send", NAME, typed="편지")
    assert (ran.code, ran.said) == (1, ["stop"])
    assert device.profile.contacts[0].ours == ()
    assert device.run("send", NAME, "--yes", typed="편지").said == ["waits-for-meeting"]


def test_one_may_ask_for_a_stop_in_turn(device: Device) -> None:
    device.keep_contact(Contact(NAME, GONE, asked_to_stop=True))
    assert device.run("stop", NAME, "--yes").code == 0


class Saying(Inputs):
    """A person who answers every question of yes or no alike."""

    def confirm(self, question: Text, **_: object) -> bool:
        assert question is Message.WRITE_ANYWAY
        return self.assume_yes


@pytest.mark.parametrize("yes", [True, False])
def test_a_person_is_asked_before_writing_to_who_asked_to_stop(*, yes: bool) -> None:
    invocation = Invocation("en", None, None, Output(), Saying(assume_yes=yes))
    confirm_writing(invocation, Contact(NAME, GONE))
    stopped = Contact(NAME, GONE, asked_to_stop=True)
    if yes:
        confirm_writing(invocation, stopped)
    else:
        with pytest.raises(Failure) as refused:
            confirm_writing(invocation, stopped)
        assert refused.value.message is Message.NOT_DONE


@pytest.mark.parametrize("typed", [unicodedata.normalize("NFD", NAME), f" {NAME} "])
def test_a_stop_is_kept_for_the_contact_whose_name_is_typed_in_another_form(
    device: Device, typed: str
) -> None:
    device.keep_contact(Contact(NAME, GONE))
    assert device.run("send", NAME, typed="편지").code == 0
    assert device.run("stop", typed, "--yes").said == ["waits-for-meeting"]
    assert [letter.kind for letter in device.profile.contacts[0].ours] == [Kind.TEXT, Kind.STOP]
