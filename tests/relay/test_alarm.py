"""An alarm goes off at its time and never before; how late a machine may be is not asserted."""

import asyncio
import contextlib
import ctypes
import errno
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import uvloop

from ojak_relay.alarm import Alarm
from ojak_relay.pace import Steps, tick_of

SOON = 0.02
STEP = 1000.0
"""So long that no tick passes while a test runs."""
ROUNDED = 1e-6
PATIENCE_SECONDS = 20


class Rung:
    """Notes when it was called."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._is_rung = asyncio.Event()

    def __call__(self) -> None:
        self.times.append(time.monotonic())
        self._is_rung.set()

    async def at(self) -> float:
        """Wait until it is called, and return when it was."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._is_rung.wait()
        self._is_rung.clear()
        return self.times[-1]


def run(holds: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(2 * PATIENCE_SECONDS):
            await holds()

    uvloop.run(limited())


def timers() -> Iterator[Path]:
    """Yield what the system tells of each timer of this process."""
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if "[timerfd]" in str(file.readlink()):
                yield Path("/proc/self/fdinfo", file.name)


def is_set_to(timer: Path, at: float) -> bool:
    """Return whether *timer* goes off *at* that time of `time.monotonic`, and was told so."""
    before = time.monotonic()
    told = dict(line.split(":", 1) for line in timer.read_text().splitlines())
    after = time.monotonic()
    seconds, nanoseconds = told["it_value"].strip(" ()").split(",")
    left = int(seconds) + int(nanoseconds) / 10**9
    is_absolute = (int(told["clockid"]), int(told["settime flags"])) == (time.CLOCK_MONOTONIC, 1)
    return is_absolute and before - ROUNDED <= at - left <= after + ROUNDED


def test_a11_the_kernel_is_told_the_tick_itself_whatever_was_done_before() -> None:
    async def holds() -> None:
        others = set(timers())
        steps = Steps(STEP)
        (timer,) = set(timers()) - others
        began = time.monotonic()
        while time.monotonic() < began + SOON:
            """Work: the loop looks at no clock meanwhile."""
        steps.release(began, lambda: None)
        assert is_set_to(timer, tick_of(began, began, STEP) * STEP)
        # What leaves earlier is not kept for what leaves later, nor the other way round.
        steps.release(began - STEP, lambda: None)
        steps.release(began + STEP, lambda: None)
        assert is_set_to(timer, tick_of(began - STEP, began, STEP) * STEP)
        steps.close()
        assert set(timers()) == others

    run(holds)


def test_it_goes_off_once_and_never_before_its_time() -> None:
    async def holds() -> None:
        rung = Rung()
        alarm = Alarm(rung)
        for times in range(1, 4):
            at = time.monotonic() + SOON
            alarm.set(at)
            assert await rung.at() >= at
            await asyncio.sleep(0)
            assert len(rung.times) == times
        alarm.close()

    run(holds)


@pytest.mark.parametrize("has_timerfd", [True, False])
def test_the_time_set_last_counts_and_one_that_has_passed_is_now(
    has_timerfd: bool,  # noqa: FBT001 - a case of the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not has_timerfd:
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: SimpleNamespace())

    async def holds() -> None:
        rung = Rung()
        alarm = Alarm(rung)
        alarm.set(time.monotonic() + STEP)
        alarm.set(0)
        await rung.at()
        alarm.set(time.monotonic() + SOON)
        alarm.set(time.monotonic())
        await rung.at()
        alarm.set(time.monotonic())
        alarm.close()
        alarm.close()
        other = Rung()
        last = Alarm(other)
        last.set(time.monotonic() + 2 * SOON)
        await other.at()
        last.close()
        assert len(rung.times) == 2

    run(holds)


def test_a_system_that_gives_no_timer_is_no_relay_that_answers_as_soon_as_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def create(*_: object) -> int:
        ctypes.set_errno(errno.EMFILE)
        return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: SimpleNamespace(timerfd_create=create))

    async def holds() -> None:
        with pytest.raises(OSError, match="Too many open files"):
            Alarm(lambda: None)

    run(holds)
