"""C5: whatever the system's clock does, no box is lost early and none is kept beyond its bound."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from ojak_protocol.sync import Found, Nothing
from ojak_relay.clock import EARLIEST, Clock
from ojak_relay.service import Service
from ojak_relay.store.pages import PagesStore
from tests.relay.kit import NOW, box, deposit, pages, request, running

HOUR, DAY, YEAR = 3600, 86_400, 366 * 86_400
TTL = 2 * HOUR


@dataclass
class Machine:
    """A machine on which time passes, and whose clock may say what it likes."""

    system: float = NOW
    passed: float = 0

    def wait(self, seconds: float) -> None:
        self.system += seconds
        self.passed += seconds

    def clock(self, reached: int = 0) -> Clock:
        return Clock(reached, lambda: self.system, lambda: self.passed)


@dataclass
class Believer:
    """Planted: a clock that says what the system's says."""

    machine: Machine

    def __call__(self) -> int:
        return int(self.machine.system)


JUMPS = [10 * YEAR, -10 * YEAR, HOUR, -HOUR, -NOW, 61 * DAY]


async def kept_over(jump: float, folder: Path, *, believes: bool = False) -> tuple[bool, bool]:
    """Say whether a box is there just before its time, and after it, the clock having jumped."""
    machine = Machine()
    store = await PagesStore.open(folder / "store", 10)
    service = Service(store, Believer(machine) if believes else machine.clock(store.clock))
    await service.sync(request(deposits=(deposit(1, 7, ttl=TTL),)))
    machine.wait(TTL / 2)
    machine.system += jump
    await store.expire(now=service.now())
    machine.wait(TTL / 2 - 1)
    before = (await service.sync(request(1))).polls[0] == Found(box(7))
    machine.wait(1)
    while await store.expire(now=service.now()):
        pass
    after = (await service.sync(request(1))).polls[0] != Nothing() or store.boxes > 0
    await store.close()
    return before, after


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.asyncio
async def test_c5_a_clock_that_jumps_while_a_relay_runs_changes_nothing(
    tmp_path: Path, jump: float
) -> None:
    assert await kept_over(jump, tmp_path) == (True, False)


@pytest.mark.parametrize("jump", [jump for jump in JUMPS if abs(jump) >= HOUR])
@pytest.mark.asyncio
async def test_c5_the_checker_finds_a_clock_that_believes_the_system(
    tmp_path: Path, jump: float
) -> None:
    assert await kept_over(jump, tmp_path, believes=True) != (True, False)


@pytest.mark.parametrize("frozen_at", [NOW, 0])
@pytest.mark.asyncio
async def test_c5_boxes_age_though_the_systems_clock_stands_still(
    tmp_path: Path, frozen_at: int
) -> None:
    machine = Machine()
    store = await PagesStore.open(tmp_path / "store", 10)
    clock = Clock(store.clock, lambda: frozen_at or machine.system, lambda: machine.passed)
    service = Service(store, clock)
    await service.sync(request(deposits=(deposit(1, 7, ttl=TTL),)))
    machine.passed += TTL - 1
    assert (await service.sync(request(1))).polls[0] == Found(box(7))
    machine.passed += 1
    assert (await service.sync(request(1))).polls[0] == Nothing()
    await store.close()


@pytest.mark.parametrize(
    ("says", "goes_on_from"),
    [(0, NOW + HOUR), (NOW, NOW + HOUR), (NOW + HOUR + 2 * YEAR, NOW + HOUR)],
    ids=["1970", "an hour back", "years ahead"],
)
@pytest.mark.asyncio
async def test_c5_a_start_goes_on_from_the_time_that_was_reached(
    tmp_path: Path, says: float, goes_on_from: int
) -> None:
    store = await PagesStore.open(tmp_path / "store", 10)
    await store.apply([], [deposit(1, 7, ttl=TTL)], now=NOW)
    await store.expire(now=NOW + HOUR)
    await store.close()
    store = await PagesStore.open(tmp_path / "store", 10)
    assert store.clock == NOW + HOUR
    machine = Machine(system=says)
    clock = machine.clock(store.clock)
    assert not clock.is_trusted
    assert clock() == goes_on_from
    service = Service(store, clock)
    machine.wait(TTL - HOUR - 1)
    assert (await service.sync(request(1))).polls[0] == Found(box(7))
    machine.wait(1)
    assert (await service.sync(request(1))).polls[0] == Nothing()
    await store.close()


def test_c5_a_clock_set_right_after_the_start_is_taken() -> None:
    machine = Machine(system=0)
    clock = machine.clock(NOW)
    machine.wait(100)
    assert clock() == NOW + 100
    machine.system = NOW + DAY
    assert clock() == NOW + DAY
    assert clock.is_trusted
    machine.system += 10 * YEAR
    assert clock() == NOW + DAY
    assert not clock.is_trusted


def test_c5_a_first_start_in_1970_begins_in_2026_and_is_not_trusted() -> None:
    machine = Machine(system=5)
    assert machine.clock()() == EARLIEST
    assert not machine.clock().is_trusted


def test_c5_a_clock_never_goes_back() -> None:
    machine = Machine()
    clock = machine.clock(NOW - DAY)
    told = []
    for step in (5, 0, 3, 0.5):
        machine.wait(step)
        machine.system -= 1000
        told.append(clock())
    assert told == sorted(told)


def test_c5_standing_still_for_weeks_ages_boxes_by_weeks() -> None:
    assert Machine(system=NOW + 60 * DAY).clock(NOW)() == NOW + 60 * DAY


def test_c5_a_relay_says_that_its_machines_clock_cannot_be_right(tmp_path: Path) -> None:
    far = int(time.time()) + 10 * YEAR

    async def use() -> None:
        store = await PagesStore.open(tmp_path / "store", 100)
        await store.apply([], [deposit(1, 7, ttl=DAY)], now=far)
        await store.close()

    asyncio.run(use())
    with running(*pages(tmp_path / "store", 100)) as relay:
        reply = relay.sync(request(1))
        assert far <= reply.clock < far + DAY
        assert reply.polls[0] == Found(box(7))
        _, err = relay.stop()
    assert "the clock of this machine cannot be right" in err
