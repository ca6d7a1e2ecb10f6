"""Results on standard output, sentences on standard error, one JSON object a line."""

import json

import pytest

from ojak_client.i18n import use
from ojak_client.messages import Message
from ojak_client.output import Output


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en")
    use("en")


Captured = pytest.CaptureFixture[str]


def test_sentences_go_to_standard_error_and_results_to_standard_output(capsys: Captured) -> None:
    output = Output()
    output.say(Message.LEFT)
    output.show(Message.YOUR_NUMBER, number="1234 5678 9012")
    output.write("letter", "가\n나")
    assert capsys.readouterr() == (
        'Number: "1234 5678 9012"\n가\n나\n',
        "Your letter is waiting. No word yet that it arrived. You may switch off.\n",
    )


def test_quiet_keeps_warnings_and_results_only(capsys: Captured) -> None:
    output = Output(quiet=True)
    output.say(Message.LEFT)
    output.warn(Message.TRIES, n=2)
    output.show(Message.YOUR_NUMBER, number="1")
    out, err = capsys.readouterr()
    assert out == 'Number: "1"\n'
    assert err.count("\n") == 1
    assert err.endswith('Count: "2"\n')


def test_details_are_told_with_verbose_only(capsys: Captured) -> None:
    Output().detail(Message.LOOKING)
    assert capsys.readouterr().err == ""
    Output(verbose=1).detail(Message.LOOKING)
    assert capsys.readouterr().err == "Looking for your family. Stay here.\n"


def test_json_is_one_object_a_line_with_the_id_as_event(capsys: Captured) -> None:
    output = Output(json=True, quiet=True)
    output.say(Message.TRIES, n=3)
    output.show(Message.YOUR_NUMBER, number="1")
    output.write("letter", "가\n\x1b[2J", sender="순이")
    output.progress(1, 2)
    output.failed(Message.OFFLINE, 13, "ojak sync")
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [
        {"event": "tries", "n": 3},
        {"event": "your-number", "number": "1"},
        {"event": "letter", "text": "가\n\x1b[2J", "sender": "순이"},
        {"event": "offline", "exit": 13},
    ]
    assert err == ""
    assert "\x1b" not in out


def test_a_letter_cannot_control_the_terminal_it_is_printed_to(capsys: Captured) -> None:
    Output().write("letter", "\x1b]52;c;aGk=\x07")
    assert capsys.readouterr().out == "␛]52;c;aGk=␇\n"


def test_a_failure_ends_with_the_command_to_type(capsys: Captured) -> None:
    Output().failed(Message.VAULT_MISSING, 1, "ojak invite")
    assert capsys.readouterr().err == (
        'Nothing is kept on this device. Begin with a meeting.\nType: "ojak invite"\n'
    )


def test_progress_is_silent_where_nobody_watches(capsys: Captured) -> None:
    Output().progress(1, 2)
    assert capsys.readouterr() == ("", "")
