"""Replies leave in steps; only lower bounds are asserted, because a machine may always be slow."""

import asyncio
import time
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ojak_relay.pace import Steps, tick_of

STEP = 0.05
ROUNDED = 1e-6
PATIENCE_SECONDS = 20

SECONDS = st.floats(0, 10**8)
PART = st.floats(0, 0.99)


async def took(seconds: float, step: float) -> float:
    """Return how long after its request a reply leaves that took *seconds* to make."""
    loop = asyncio.get_running_loop()
    began = time.monotonic()
    await asyncio.sleep(seconds)
    left = loop.create_future()
    Steps(step).release(began, lambda: left.set_result(None))
    await left
    return time.monotonic() - began


@pytest.mark.asyncio
async def test_what_is_done_at_once_leaves_a_step_later() -> None:
    assert await took(0, STEP) >= STEP - ROUNDED


@given(began=SECONDS, done=PART, other=PART, step=st.sampled_from([0.001, 0.01, 0.25]))
def test_a11_what_is_done_within_a_step_does_not_move_the_tick(
    began: float, done: float, other: float, step: float
) -> None:
    tick = tick_of(began, began + done * step, step)
    assert tick == tick_of(began, began + other * step, step)
    assert began + step <= tick * step + ROUNDED
    assert tick * step <= began + 2 * step + ROUNDED


@given(began=SECONDS, steps=st.floats(1.01, 1000))
def test_what_is_ready_later_leaves_at_the_next_tick(began: float, steps: float) -> None:
    now = began + steps * STEP
    assert now <= tick_of(began, now, STEP) * STEP + ROUNDED
    assert tick_of(began, now, STEP) * STEP <= now + STEP + ROUNDED


@pytest.mark.asyncio
async def test_without_a_step_nothing_is_waited_for() -> None:
    left: list[int] = []
    Steps(0).release(0, lambda: left.append(1))
    assert left == [1]


@pytest.mark.asyncio
async def test_a11_replies_of_one_tick_leave_in_the_order_of_their_requests() -> None:
    loop = asyncio.get_running_loop()
    steps, began, done = Steps(STEP), time.monotonic(), loop.create_future()
    left: list[int] = []
    # As far apart as pieces that one turn of the loop brings; ready in the other order.
    for number in reversed(range(100)):
        steps.release(began + number / 10**7, partial(left.append, number))
    steps.release(began + 100 / 10**7, lambda: done.set_result(None))
    assert (len(steps), left) == (101, [])
    await done
    assert left == list(range(100))
    assert len(steps) == 0


@pytest.mark.asyncio
async def test_a_fault_of_one_reply_keeps_back_none_of_the_others_of_its_tick() -> None:
    loop = asyncio.get_running_loop()
    faults: list[object] = []
    loop.set_exception_handler(lambda _, said: faults.append(said["exception"]))
    steps, began, done = Steps(STEP), time.monotonic(), loop.create_future()

    def breaks() -> None:
        raise RuntimeError

    steps.release(began, breaks)
    steps.release(began, lambda: done.set_result(None))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await done
    assert len(steps) == 0
    assert [type(one) for one in faults] == [RuntimeError]


@pytest.mark.asyncio
async def test_replies_of_several_ticks_leave_each_at_its_own() -> None:
    steps, began, done = Steps(STEP), time.monotonic(), asyncio.get_running_loop().create_future()
    left: list[tuple[int, float]] = []

    def leave(number: int) -> None:
        left.append((number, time.monotonic()))

    for number in (2, 0, 1):
        steps.release(began + number * STEP, partial(leave, number))
    steps.release(began + 3 * STEP, lambda: done.set_result(None))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await done
    assert [number for number, _ in left] == [0, 1, 2]
    assert all(at >= began + (number + 1) * STEP - ROUNDED for number, at in left)


@pytest.mark.asyncio
async def test_what_breaks_off_one_reply_keeps_back_none_of_later_ticks() -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)
    steps, began, done = Steps(STEP), time.monotonic(), loop.create_future()

    def is_broken_off() -> None:
        raise asyncio.CancelledError

    steps.release(began, is_broken_off)
    steps.release(began + STEP, lambda: done.set_result(None))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await done


@pytest.mark.asyncio
async def test_once_closed_nothing_is_kept_and_what_comes_leaves_at_once() -> None:
    steps = Steps(STEP)
    left: list[int] = []
    steps.release(time.monotonic(), partial(left.append, 1))
    steps.close()
    assert len(steps) == 0
    steps.release(time.monotonic(), partial(left.append, 2))
    assert left == [2]
