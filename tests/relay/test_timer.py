"""A timer calls back at its time and never before; how late a machine may be is not asserted."""

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

from ojak_relay.pace import Steps, tick_of
from ojak_relay.timer import Timer

SOON = 0.02
STEP = 1000.0001234567
"""So long that no tick passes while a test runs, and of no whole milliseconds."""
EARLY = 0.002
"""By how much a loop's own timer may be early."""
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
    assert told["it_interval"].strip() == "(0, 0)"
    return is_absolute and before - ROUNDED <= at - left <= after + ROUNDED


both_kinds = pytest.mark.parametrize("has_timerfd", [True, False], indirect=True)


@pytest.fixture
def has_timerfd(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Take timerfd from the C library where a test is to be without."""
    has_it: bool = request.param
    if not has_it:
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: SimpleNamespace())
    return has_it


def test_a11_the_kernel_is_told_the_tick_itself_whatever_was_done_before() -> None:
    async def holds() -> None:
        others = set(timers())
        steps = Steps(STEP)
        (timer,) = set(timers()) - others
        began = time.monotonic()
        while time.monotonic() < began + SOON:
            """Work: the loop looks at no clock meanwhile."""
        # Whichever is armed last, the next tick counts.
        for later in (2, 1, 3):
            steps.release(began + later * STEP, lambda: None)
        assert is_set_to(timer, tick_of(began + STEP, began, STEP) * STEP)
        steps.close()
        assert set(timers()) == others

    run(holds)


def test_where_replies_leave_at_once_there_is_no_timer() -> None:
    async def holds() -> None:
        others = set(timers())
        steps = Steps(0)
        assert set(timers()) == others
        steps.close()

    run(holds)


def test_where_a_long_has_32_bits_the_loops_own_timer_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ctypes, "c_long", ctypes.c_int32)

    async def holds() -> None:
        others, rung = set(timers()), Rung()
        timer = Timer(rung)
        timer.arm(time.monotonic() + SOON)
        assert set(timers()) == others
        await rung.at()
        timer.close()

    run(holds)


@both_kinds
def test_it_calls_back_once_and_never_before_its_time(has_timerfd: bool) -> None:  # noqa: FBT001 - a case of the test
    async def holds() -> None:
        rung = Rung()
        timer = Timer(rung)
        for times in range(1, 4):
            at = time.monotonic() + SOON
            timer.arm(at)
            assert await rung.at() >= at - (0 if has_timerfd else EARLY)
            await asyncio.sleep(0)
            assert len(rung.times) == times
        timer.close()

    run(holds)


@both_kinds
@pytest.mark.usefixtures("has_timerfd")
def test_the_time_armed_last_counts_and_one_that_has_passed_is_now() -> None:
    async def holds() -> None:
        rung, other = Rung(), Rung()
        timer, last = Timer(rung), Timer(other)
        timer.arm(time.monotonic() + STEP)
        timer.arm(0)
        await rung.at()
        timer.arm(time.monotonic() + SOON)
        timer.arm(time.monotonic())
        await rung.at()
        timer.arm(time.monotonic() + SOON)
        timer.arm(time.monotonic() + STEP)
        last.arm(time.monotonic() + 2 * SOON)
        await other.at()
        assert len(rung.times) == 2
        last.close()
        timer.close()

    run(holds)


@both_kinds
@pytest.mark.usefixtures("has_timerfd")
def test_once_closed_it_never_calls_back() -> None:
    async def holds() -> None:
        rung, other = Rung(), Rung()
        timer, last = Timer(rung), Timer(other)
        timer.arm(time.monotonic())
        timer.close()
        timer.close()
        timer.arm(time.monotonic())
        last.arm(time.monotonic() + SOON)
        await other.at()
        last.close()
        assert rung.times == []

    run(holds)


def test_what_was_armed_anew_after_it_expired_does_not_call_back_early() -> None:
    async def holds() -> None:
        loop, rung = asyncio.get_running_loop(), Rung()
        timer = Timer(rung)
        timer.arm(time.monotonic() + SOON)
        began = time.monotonic()
        while time.monotonic() < began + 2 * SOON:
            """It expires, and the loop has not seen it."""
        at = time.monotonic() + 3 * SOON
        # Begun in the turn in which the loop sees it, and before that.
        loop.call_soon(timer.arm, at)
        assert await rung.at() >= at
        timer.close()

    asyncio.run(holds())


def test_a_timer_that_the_system_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def create(*_: object) -> int:
        ctypes.set_errno(errno.EMFILE)
        return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: SimpleNamespace(timerfd_create=create))

    async def holds() -> None:
        with pytest.raises(OSError, match="Too many open files"):
            Timer(lambda: None)

    run(holds)


def test_a_timer_that_can_be_made_and_not_armed_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    libc = ctypes.CDLL(None, use_errno=True)

    def refuse(*_: object) -> int:
        ctypes.set_errno(errno.EPERM)
        return -1

    def half(*_: object, **__: object) -> object:
        return SimpleNamespace(timerfd_create=libc.timerfd_create, timerfd_settime=refuse)

    async def holds() -> None:
        others = set(timers())
        monkeypatch.setattr(ctypes, "CDLL", half)
        with pytest.raises(OSError, match="not permitted"):
            Timer(lambda: None)
        assert set(timers()) == others

    run(holds)
