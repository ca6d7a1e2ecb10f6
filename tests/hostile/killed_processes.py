"""A real `ojak` on a real vault that the kernel kills as it enters one of its system calls."""

import shutil
import signal
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ojak_client.profile import Contact, LetterState
from tests.client.devices import WORDS, Device
from tests.client.persons import NAME, line_of
from tests.client.simulated_relay import SimulatedRelay
from tests.hostile.side_by_side import program
from tests.journeys.actors import given
from tests.people import meet

LETTER = "한 번만 보일 편지"
CALLS = ("rename", "fsync", "pwrite64", "sendto")
"""What a save makes durable with, and how a request leaves."""


@dataclass
class Pair:
    """Two devices that met, each with a vault, and the relay between them."""

    writer: Device
    reader: Device
    relay: SimulatedRelay
    program: str
    shown: Counter[str] = field(default_factory=Counter)

    def killed(self, device: Device, call: str, number: int, *arguments: str) -> bool:
        """Run `ojak` until its *number*-th *call*, and return whether it came to that."""
        passphrase = given(WORDS + "\n")
        strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}"]
        inject = ["-e", f"inject={call}:signal=SIGKILL:when={number}"]
        options = ["--passphrase-fd", str(passphrase), "--profile", str(device.folder)]
        ended = subprocess.run(
            [*strace, *inject, self.program, *arguments, *options, "--json", "--no-input"],
            input=LETTER,
            capture_output=True,
            text=True,
            pass_fds=(passphrase,),
            check=False,
        )
        self.shown.update([LETTER] * ended.stdout.count('"event": "letter"'))
        return ended.returncode in {-signal.SIGKILL, 128 + signal.SIGKILL}

    def settle(self) -> list[str]:
        """Let everything arrive and be read, and say what was not as it must be."""
        if not self._letters():
            # Whoever was told nothing looks, and writes again what is not there.
            self.writer.run("send", NAME, typed=LETTER)
        for device in (self.writer, self.reader):
            device.run("sync")
        self._read()
        self._read()
        unasked = self.shown[LETTER]
        self._read("--again")
        # The reply takes the acknowledgement with it.
        self.reader.run("send", NAME, typed="받았다")
        self.writer.run("sync")
        wrong = []
        # Once unasked; once more to who asks for a letter whose showing broke off.
        if unasked > 1 or self.shown[LETTER] not in {1, 2}:
            wrong.append(f"shown {unasked} times unasked, {self.shown[LETTER]} in all")
        states = [one.state for one in self.writer.profile.contacts[0].ours]
        if states != [LetterState.COLLECTED]:
            wrong.append(f"the writer sees {states}")
        if [one.text for one in self.writer.profile.contacts[0].theirs] != ["받았다"]:
            wrong.append("the reply did not come")
        for device in (self.writer, self.reader):
            left = {file.name for file in device.folder.iterdir()} - {
                "letters",
                "letters.boxes",
                "letters.lock",
            }
            if left:
                wrong.append(f"left beside the vault: {left}")
        return wrong

    def _letters(self) -> list[int]:
        return [one.reference for one in self.writer.profile.contacts[0].ours]

    def _read(self, *options: str) -> None:
        ran = self.reader.run("read", "--to-stdout", *options)
        self.shown.update(event["text"] for event in ran.of("letter"))


def new_pair(folder: Path, relay: SimulatedRelay, url: str, bug: str = "") -> Pair:
    """Two people who met; their `ojak` may have a planted bug."""
    met = meet()
    writer, reader = Device(folder / "writer"), Device(folder / "reader")
    writer.keep_contact(Contact(NAME, url, lines=(line_of(met.guest),)))
    reader.keep_contact(Contact(NAME, url, lines=(line_of(met.host),)))
    return Pair(writer, reader, relay, program(folder, bug))


def tell(pair: Pair, verb: str, call: str, number: int) -> tuple[bool, list[str]]:
    """Kill one command of a letter's way, and say whether it was, and what was wrong in the end."""
    if verb == "send":
        was_killed = pair.killed(pair.writer, call, number, "send", NAME)
        return was_killed, pair.settle()
    pair.writer.run("send", NAME, typed=LETTER)
    if verb == "sync":
        was_killed = pair.killed(pair.reader, call, number, "sync")
        return was_killed, pair.settle()
    pair.reader.run("sync")
    was_killed = pair.killed(pair.reader, call, number, "read", "--to-stdout")
    return was_killed, pair.settle()


def has_strace() -> bool:
    """Whether system calls can be stopped at here."""
    return shutil.which("strace") is not None
