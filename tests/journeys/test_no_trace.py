"""A borrowed device after a visit: no file, no call that writes, nothing on the screen."""

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ojak_client.messages import Message
from tests.journeys.actors import Device, Relay, World
from tests.journeys.children import PATIENCE_SECONDS
from tests.journeys.screen import Terminal, korean, sit_down
from tests.journeys.traces import connections, files_in, strace_to, violations

ANSWERS = ("감자밭 할머니", "로동자 강철", "외가리 1974")
MOTHER = "어머니"
LETTER = "어머니, 저 잘 있습니다."
REPLY = "딸아, 나도 잘 있다."

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None,
    reason="STRACE IS NOT INSTALLED: that a guest writes no file is shown by its folders only",
)
needs_tmux = pytest.mark.skipif(
    shutil.which("tmux") is None,
    reason="TMUX IS NOT INSTALLED: that nothing stays in a scrollback is not shown",
)


@pytest.fixture
def relay(people: World) -> Relay:
    return people.relay()


@pytest.fixture
def number(people: World, relay: Relay) -> str:
    """Where a host waits who wrote a letter."""
    host = people.own("host", relay.url)
    number = host.invite(MOTHER, ANSWERS)
    host.send(MOTHER, LETTER)
    host.keep().until("keeping")
    return number


def type_answers(person: Terminal) -> None:
    for n, answer in enumerate(ANSWERS, 1):
        person.until(korean(Message.ASK_ANSWER, n=n))
        person.type(answer)
    person.until(korean(Message.ASK_UNDERSTOOD))


def test_the_guest_process_writes_no_file(people: World, relay: Relay, number: str) -> None:
    trace = people.folder / "calls.txt"
    phone = people.borrowed("phone", relay.url, watcher=strace_to(trace))
    before = files_in(phone.folder)
    visit = phone.meet(number, ANSWERS, letter=REPLY)
    assert (visit.code, visit.letters) == (0, [LETTER])
    assert files_in(phone.folder) == before
    if not phone.watcher:
        pytest.skip("STRACE IS NOT INSTALLED: only the folders were compared")
    assert connections(trace) >= 1
    assert violations(trace, relay_port=relay.port) == []


@needs_strace
@pytest.mark.parametrize(
    "planted",
    [
        "open('history', 'w')",
        "os.mkdir('cache')",
        "os.memfd_create('letter')",
        "tempfile.TemporaryFile()",
        "socket.create_connection(('127.0.0.1', {other}))",
    ],
)
def test_a_guest_that_left_a_trace_would_be_found(tmp_path: Path, planted: str) -> None:
    trace = tmp_path / "calls.txt"
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        program = "import os, socket, tempfile; " + planted.format(other=port)
        subprocess.run(
            [*strace_to(trace), sys.executable, "-B", "-c", program], cwd=tmp_path, check=True
        )
        assert len(violations(trace, relay_port=1)) >= 1
        assert (violations(trace, relay_port=port) == []) == ("{other}" in planted)


def test_a_file_that_was_left_or_touched_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("a")
    before = files_in(tmp_path)
    assert files_in(tmp_path) == before
    (tmp_path / "old").write_text("b")
    touched = files_in(tmp_path)
    assert touched != before
    (tmp_path / "new").touch()
    assert files_in(tmp_path) != touched


def at_answer(n: int) -> Callable[[Terminal], None]:
    def go(person: Terminal) -> None:
        for asked in range(1, n + 1):
            person.until(korean(Message.ASK_ANSWER, n=asked))
            person.type(ANSWERS[asked - 1])
        person.until(korean(Message.UNDERSTOOD, answer="").removesuffix("”"))

    return go


def at_letter(person: Terminal) -> None:
    type_answers(person)
    person.type("예")
    person.until(korean(Message.ASK_LETTER))
    person.child.send("딸아, 나는")


def at_shown(person: Terminal) -> None:
    at_letter(person)
    person.child.send("\x15\r")
    person.until(korean(Message.PRESS_TO_ERASE))


def at_reply(person: Terminal) -> None:
    at_shown(person)
    person.type()
    person.until(korean(Message.ASK_LETTER))
    person.type(REPLY)


def kill_at(prompt: Callable[[Terminal], None], phone: Device, number: str) -> None:
    before = files_in(phone.folder)
    person = sit_down(phone, "meet", number)
    prompt(person)
    person.child.kill(signal.SIGKILL)
    person.end()
    assert files_in(phone.folder) == before


def test_a_guest_killed_before_connecting_leaves_no_file(people: World) -> None:
    phone = people.borrowed("phone", "http://127.0.0.1:1")
    for prompt in (at_answer(1), at_answer(2), at_answer(3), type_answers, at_letter):
        kill_at(prompt, phone, "1234-5678-9018")


@pytest.mark.parametrize("prompt", [at_shown, at_reply])
def test_a_guest_killed_with_a_letter_before_it_leaves_no_file(
    people: World, relay: Relay, number: str, prompt: Callable[[Terminal], None]
) -> None:
    kill_at(prompt, people.borrowed("phone", relay.url), number)


class Pane:
    """A person at a shell in tmux."""

    def __init__(self, device: Device, folder: Path) -> None:
        self._tmux = ["tmux", "-u", "-S", str(folder / "socket"), "-f", os.devnull]
        self._environment = device.environment
        fifo = folder / "pane"
        os.mkfifo(fifo)
        self._run("new-session", "-d", "-x", "80", "-y", "24", "-c", str(device.here), "/bin/sh")
        self._pane = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        self._run("pipe-pane", f"exec cat > {fifo}")
        self._seen = b""

    def type(self, text: str) -> None:
        """Type a line."""
        self._run("send-keys", "-l", text)
        self._run("send-keys", "Enter")

    def until(self, text: str) -> None:
        """Wait until *text* was written to the pane."""
        end = time.monotonic() + PATIENCE_SECONDS
        while text.encode() not in self._seen:
            ready, _, _ = select.select([self._pane], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"no {text!r} came: {self._seen.decode(errors='replace')}"
            self._seen += os.read(self._pane, 65536)
        self._seen = self._seen.partition(text.encode())[2]

    def captured(self) -> str:
        """Return screen and scrollback."""
        return self._run("capture-pane", "-p", "-S", "-")

    def close(self) -> None:
        """End tmux and all in it."""
        self._run("kill-server")
        os.close(self._pane)

    def _run(self, *arguments: str) -> str:
        return subprocess.run(
            [*self._tmux, *arguments],
            env=self._environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        ).stdout


@contextmanager
def pane(device: Device, folder: Path) -> Iterator[Pane]:
    made = Pane(device, folder)
    try:
        yield made
    finally:
        made.close()


@needs_tmux
def test_screen_and_scrollback_keep_no_answer_and_no_letter(
    people: World, relay: Relay, number: str
) -> None:
    phone = people.borrowed("phone", relay.url)
    command, _ = phone.command("meet", number)
    with pane(phone, people.folder) as person:
        person.type(" ".join(command) + "; echo over: $?")
        for n, answer in enumerate(ANSWERS, 1):
            person.until(korean(Message.ASK_ANSWER, n=n))
            person.type(answer)
        person.until(korean(Message.ASK_UNDERSTOOD))
        assert ANSWERS[0] in person.captured(), "what is on the screen can be captured"
        person.type("예")
        person.until(korean(Message.ASK_LETTER))
        person.type("")
        person.until(korean(Message.PRESS_TO_ERASE))
        assert LETTER in person.captured()
        person.type("")
        person.until(korean(Message.ASK_LETTER))
        person.type(REPLY)
        person.type("")
        person.until("over: 0")
        left = person.captured()
    assert korean(Message.CLEARED)[:20] in left
    secrets = (*ANSWERS, *"".join(ANSWERS).split(), LETTER, REPLY, MOTHER)
    assert [secret for secret in secrets if secret in left] == []
