"""People with devices, and relays: the real commands and nothing else."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.journeys.children import (
    OJAK,
    OJAK_RELAY,
    Child,
    Ended,
    Event,
    Running,
    undisturbed,
)


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
    options: Sequence[str] = ()
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
                [OJAK_RELAY, "serve", *where, "--store", "pages", *settings, *self.options],
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
