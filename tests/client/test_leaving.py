"""How the process of `ojak` ends: at once, but not before what must be put back is put back."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ojak_client.exit_codes import ExitCode
from ojak_client.messages import Message
from ojak_client.profile import Contact, TheirLetter
from ojak_protocol.letters import Kind
from tests.client.devices import WORDS, Device, descriptor_giving
from tests.client.persons import NAME, RELAY
from tests.client.sitting import PROGRAM, sit_down

BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
"""An environment in which Python writes when it is told to, or when much is there."""

CANNOT_SHOW = Message.CANNOT_SHOW.english


def test_whoever_typed_a_passphrase_sees_what_they_type_once_the_command_has_ended(
    tmp_path: Path,
) -> None:
    device = Device(tmp_path / "profile")
    device.keep_contact(Contact(NAME, RELAY))
    with sit_down(device, "status") as sitting:
        assert sitting.end() == 0
    assert NAME in sitting.raw
    assert sitting.shows_keys


@pytest.mark.parametrize(("kept", "other"), [("stdout", "stderr"), ("stderr", "stdout")])
@pytest.mark.parametrize("fate", ["", "{} = None", "{}.close()", "{} = open('/dev/full', 'w')"])
def test_what_is_in_a_buffer_is_written_whatever_became_of_the_other_stream(
    kept: str, other: str, fate: str
) -> None:
    script = (
        "import sys\n"
        "from ojak_client import cli, __main__ as entry\n"
        f"def run(_):\n sys.{kept}.write('the end')\n {fate.format(f'sys.{other}')}\n"
        f" if sys.{other} and not sys.{other}.closed: sys.{other}.write('x')\n"
        " return 7\n"
        "cli.run = run\n"
        "entry.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=BUFFERED
    )
    assert (getattr(done, kept), done.returncode) == ("the end", 7)


@pytest.mark.parametrize("redirected", [">/dev/full", ">&-", "2>/dev/full", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize("json", [[], ["--json"]], ids=["sentences", "json"])
def test_an_end_that_cannot_be_told_has_its_code_and_no_traceback(
    redirected: str, json: list[str]
) -> None:
    done = in_shell(redirected, "--profile", "/none/mina", *json, "status")
    assert done.returncode == ExitCode.NOT_READY
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@pytest.mark.parametrize("redirected", [">/dev/full", ">&-"])
@pytest.mark.parametrize("json", [[], ["--json"]], ids=["sentences", "json"])
def test_results_that_cannot_be_written_are_told_as_such_and_not_as_a_fault(
    device: Device, redirected: str, json: list[str]
) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    with descriptor_giving(WORDS) as passphrase:
        words = [*json, "--no-input", "--passphrase-fd", str(passphrase), "status"]
        done = in_shell(redirected, "--profile", str(device.folder), *words, fds=[passphrase])
    assert (done.returncode, done.stderr) == (ExitCode.GENERAL, f"{CANNOT_SHOW}\n")


@pytest.mark.parametrize("asked", ["--help", "--version"])
def test_a_help_that_cannot_be_written_is_told_as_such_and_not_as_a_fault(asked: str) -> None:
    done = in_shell(">/dev/full", asked)
    assert (done.returncode, done.stderr) == (ExitCode.GENERAL, f"{CANNOT_SHOW}\n")


@pytest.mark.parametrize("redirected", ["2>/dev/full", "2>&-", ">&- 2>&-"])
def test_a_mistyped_call_that_cannot_be_told_has_its_code(redirected: str) -> None:
    assert in_shell(redirected, "raed").returncode == ExitCode.USAGE


@pytest.mark.parametrize("redirected", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("verb", [["read"], ["send", NAME], ["status"], ["wipe"]])
def test_whatever_is_closed_no_verb_says_that_the_program_made_a_mistake(
    device: Device, redirected: str, verb: list[str]
) -> None:
    device.keep_contact(Contact(NAME, RELAY, theirs=(TheirLetter(1, Kind.TEXT, "편지"),)))
    with descriptor_giving(WORDS) as passphrase:
        words = ["--no-input", "--passphrase-fd", str(passphrase), *verb]
        done = in_shell(redirected, "--profile", str(device.folder), *words, fds=[passphrase])
    assert Message.FAULT.english not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode in set(ExitCode)


def in_shell(
    redirected: str, *words: str, fds: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """Run `ojak` with its streams as a shell redirects them."""
    return subprocess.run(
        ["/bin/sh", "-c", f'"$@" {redirected}', "sh", sys.executable, "-c", PROGRAM, *words],
        capture_output=True,
        text=True,
        check=False,
        env=BUFFERED | {"OJAK_LANG": "en"},
        pass_fds=fds,
    )
