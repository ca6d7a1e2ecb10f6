"""Child processes that are waited for by what they write, and always known to have ended.

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
from dataclasses import dataclass
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
