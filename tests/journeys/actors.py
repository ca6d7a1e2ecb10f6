"""People with devices, and relays, as child processes: the real commands and nothing else.

Nothing here sleeps: whoever waits, waits for a line of output or for the end of a process, and
gives up after `PATIENCE_SECONDS`. Secrets reach a child on open descriptors only.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

PATIENCE_SECONDS = 60
BIN = Path(sys.executable).parent
OJAK = str(BIN / "ojak")
OJAK_RELAY = str(BIN / "ojak-relay")

Event = dict[str, Any]


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let signals wait until the block ends: a child just started must be known to be stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: held.append(number))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for waiting in held:
            signal.raise_signal(waiting)


@dataclass(frozen=True)
class Ended:
    """How a run of `ojak` ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[Event]:
        """What it wrote with `--json`; each line must be one object."""
        return [event_in(line) for line in self.out.splitlines()]

    @property
    def said(self) -> list[str]:
        """The ids of what it wrote with `--json`."""
        return [event["event"] for event in self.events]

    @property
    def letters(self) -> list[str]:
        """The letters it showed with `--json`."""
        return [event["text"] for event in self.events if event["event"] == "letter"]

    def event(self, wanted: str) -> Event:
        """Return the first event called *wanted*."""
        return next(event for event in self.events if event["event"] == wanted)


def event_in(line: str) -> Event:
    """Return the JSON object that *line* is."""
    event = json.loads(line)
    assert isinstance(event, dict), line
    assert isinstance(event["event"], str), line
    return event


class Running(Protocol):
    """Whatever may have to be killed at the end."""

    @property
    def running(self) -> bool:
        """Whether it has not ended."""

    def kill(self) -> None:
        """End it at once; does nothing where it has ended."""


class Child:
    """A running child process whose lines can be waited for."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: dict[str, str],
        folder: Path,
        descriptors: Sequence[int] = (),
        text: str | None = None,
        as_json: bool = False,
    ) -> None:
        self._as_json = as_json
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=folder,
            pass_fds=descriptors,
            # Without a controlling terminal nothing can be asked, whoever runs the tests.
            start_new_session=True,
        )
        for descriptor in descriptors:
            os.close(descriptor)
        self.out: list[str] = []
        self.err: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._readers = [
            threading.Thread(target=self._read, args=(stream, kept), daemon=True)
            for stream, kept in ((self.process.stdout, self.out), (self.process.stderr, self.err))
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()
        if text is not None and self.process.stdin is not None:
            with suppress(BrokenPipeError), self.process.stdin as stdin:
                stdin.write(text)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    @property
    def events(self) -> list[Event]:
        """What it wrote so far with `--json`."""
        return [event_in(line) for line in list(self.out)]

    def until(self, *wanted: str) -> Event:
        """Return the next event called one of *wanted*; `--json` only."""
        while True:
            event = event_in(self._next(f"event {wanted}"))
            if event["event"] in wanted:
                return event

    def until_line(self, wanted: str) -> str:
        """Return the next line, of either stream, that contains *wanted*."""
        while True:
            line = self._next(f"line with {wanted!r}")
            if wanted in line:
                return line

    def wait(self) -> Ended:
        """Wait for the end."""
        try:
            code = self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end\n{self._heard()}") from None
        for reader in self._readers:
            reader.join()
        ended = Ended(code, "".join(self.out), "".join(self.err))
        if self._as_json and code >= 0:
            # With `--json` every line is one object, whatever happened.
            assert ended.err == "", ended
            assert ended.events is not None
        return ended

    def stop(self) -> Ended:
        """Ask it to end, and wait."""
        assert self.running
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it and what it started, at once; does nothing where it has ended."""
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for reader in self._readers:
            reader.join()

    def signal(self, number: int) -> None:
        """Send it a signal; does nothing where it has ended."""
        self.process.send_signal(number)

    def _read(self, stream: IO[str], kept: list[str]) -> None:
        with stream:
            for line in stream:
                kept.append(line)
                self._lines.put(line)
        self._lines.put(None)

    def _next(self, wanted: str) -> str:
        end = time.monotonic() + PATIENCE_SECONDS
        ended = 0
        while ended < len(self._readers):
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {wanted} came in time\n{self._heard()}") from None
            if line is not None:
                return line
            ended += 1
        raise AssertionError(f"it ended without a {wanted}\n{self._heard()}")

    def _heard(self) -> str:
        return "".join(self.out + self.err)


@dataclass
class Device:
    """A device of one person: a home, a folder for temporary files, a folder to stand in.

    Attributes:
        folder: holds the three, and the profile of an own device.
        relay: the address its person was given.
        passphrase: of an own device; None for a borrowed one.
        language: of its screens.
        watcher: a command, such as strace, under which `ojak` runs.
        program: `ojak`, or one with a planted bug.
    """

    folder: Path
    relay: str
    passphrase: str | None = "뒷산 너럭바위"  # noqa: S105 (of nobody)
    language: str = "ko"
    watcher: Sequence[str] = ()
    program: str = OJAK
    running: list[Running] = field(default_factory=list)

    def __post_init__(self) -> None:
        for folder in (self.home, self.temporary, self.here):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def home(self) -> Path:
        """The home of its person."""
        return self.folder / "home"

    @property
    def temporary(self) -> Path:
        """Where TMPDIR points."""
        return self.folder / "tmp"

    @property
    def here(self) -> Path:
        """Where its person stands."""
        return self.folder / "here"

    @property
    def profile(self) -> Path:
        """The profile of an own device."""
        return self.folder / "profile"

    @property
    def environment(self) -> dict[str, str]:
        """All that a child sees: nothing of whoever runs the tests, but coverage where measured."""
        measured = {n: v for n, v in os.environ.items() if n.startswith("COVERAGE_PROCESS")}
        return (measured if self.passphrase is not None else {}) | {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "LANG": f"{self.language}.UTF-8",
            "TERM": "xterm",
        }

    def command(self, *arguments: str) -> tuple[list[str], list[int]]:
        """Return the command line for *arguments*, and the descriptors it names."""
        own: list[str] = []
        descriptors = []
        if self.passphrase is not None:
            descriptors.append(given(self.passphrase + "\n"))
            own = ["--profile", str(self.profile), "--passphrase-fd", str(descriptors[0])]
        command = [*self.watcher, self.program, "--relay", self.relay, *own, *arguments]
        return command, descriptors

    def start(
        self,
        *arguments: str,
        answers: Sequence[str] | None = None,
        letter: str | None = None,
        as_json: bool = True,
    ) -> Child:
        """Start `ojak` with *arguments*, asking nothing.

        Args:
            arguments: verb and options.
            answers: what `--answers-fd` gives.
            letter: what standard input gives.
            as_json: write events instead of sentences.
        """
        shape = ("--no-input", "--json") if as_json else ("--no-input",)
        command, descriptors = self.command(*shape, *arguments)
        if answers is not None:
            descriptors.append(given("".join(f"{answer}\n" for answer in answers)))
            command += ["--answers-fd", str(descriptors[-1])]
        with undisturbed():
            child = Child(
                command,
                environment=self.environment,
                folder=self.here,
                descriptors=descriptors,
                text=letter,
                as_json=as_json,
            )
            self.running.append(child)
        return child

    def run(
        self,
        *arguments: str,
        answers: Sequence[str] | None = None,
        letter: str | None = None,
        as_json: bool = True,
    ) -> Ended:
        """Run `ojak` to its end, as `start`."""
        return self.start(*arguments, answers=answers, letter=letter, as_json=as_json).wait()

    def invite(self, name: str, answers: Sequence[str]) -> str:
        """Open a meeting point and return its number."""
        questions = [part for n in (1, 2, 3) for part in ("--question", f"물음 {n}?")]
        ended = self.run("invite", "--name", name, *questions, answers=answers)
        assert ended.code == 0, ended
        return str(ended.event("your-number")["number"])

    def send(self, name: str, letter: str, *options: str) -> Ended:
        """Write a letter to *name*."""
        return self.run("send", name, *options, letter=letter)

    def read(self, *arguments: str) -> Ended:
        """Read what came."""
        return self.run("read", "--to-stdout", *arguments)

    def meet(
        self, number: str, answers: Sequence[str], *options: str, letter: str | None = None
    ) -> Ended:
        """Come to a number, with a letter written before where there is one."""
        return self.come(number, answers, *options, letter=letter).wait()

    def come(
        self, number: str, answers: Sequence[str], *options: str, letter: str | None = None
    ) -> Child:
        """Begin to come to a number, as `meet`."""
        written = () if letter is None else ("--letter", "-")
        shown = ("--to-stdout", *written, *options)
        return self.start("meet", number, *shown, answers=answers, letter=letter)

    def keep(self) -> Child:
        """Stay on."""
        return self.start("keep")

    def status(self) -> list[Event]:
        """Return what `ojak status` knows."""
        return self.run("status").events

    def count(self, event: str) -> int:
        """Return the number that `ojak status` says of *event*; one contact only."""
        return int(next(e["n"] for e in self.status() if e["event"] == event))


@dataclass
class Relay:
    """A relay that can be killed and started again at the same address."""

    folder: Path
    capacity: int = 500
    port: int = 0
    child: Child | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def file(self) -> Path:
        """Where the boxes lie."""
        return self.folder / "relay.pages"

    def start(self) -> None:
        """Start it, and return once it accepts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = ["--path", str(self.file), "--capacity", str(self.capacity)]
        where = ["--listen", f"127.0.0.1:{self.port}"]
        with undisturbed():
            self.child = Child(
                [OJAK_RELAY, "serve", *where, "--store", "pages", *settings],
                environment={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                folder=self.folder,
            )
        line = self.child.until_line("listening on ")
        self.port = int(line.rpartition(":")[2])

    def stop(self) -> Ended:
        """Stop it as an operator does."""
        assert self.child is not None
        return self.child.stop()

    def kill(self) -> None:
        """Kill it; does nothing where it has ended."""
        if self.child is not None:
            self.child.kill()


@dataclass
class World:
    """All devices and relays of a story; whatever still runs at its end is killed."""

    folder: Path
    devices: list[Device] = field(default_factory=list)
    relays: list[Relay] = field(default_factory=list)

    def relay(self, *, capacity: int = 500) -> Relay:
        """Start a relay."""
        relay = Relay(self.folder / f"relay{len(self.relays)}", capacity)
        self.relays.append(relay)
        relay.start()
        return relay

    def own(self, name: str, relay: str) -> Device:
        """Give somebody a device of their own."""
        return self._device(Device(self.folder / name, relay))

    def borrowed(self, name: str, relay: str, *, watcher: Sequence[str] = ()) -> Device:
        """Lend somebody a device."""
        return self._device(Device(self.folder / name, relay, passphrase=None, watcher=watcher))

    @property
    def at_rest(self) -> bool:
        """Whether everything that was started has ended by itself."""
        relays = [relay.child for relay in self.relays if relay.child is not None]
        return not any(
            child.running for device in self.devices for child in (*device.running, *relays)
        )

    def end(self) -> None:
        """Kill whatever still runs."""
        for device in self.devices:
            for child in device.running:
                child.kill()
        for relay in self.relays:
            relay.kill()

    def _device(self, device: Device) -> Device:
        self.devices.append(device)
        return device


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Give a world that ends with the block."""
    made = World(folder)
    try:
        yield made
    finally:
        with undisturbed():
            made.end()


def given(text: str) -> int:
    """Return a descriptor from which *text*, less than a pipe holds, can be read once."""
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    return reading
