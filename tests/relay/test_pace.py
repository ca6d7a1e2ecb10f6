"""Replies leave in steps; only lower bounds are asserted, because a machine may always be slow."""

import asyncio

import pytest

from ojak_relay.pace import in_steps

STEP = 0.05
EARLY = 0.002
"""By how much a loop's timer may be early."""


async def took(seconds: float, step: float) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await in_steps(asyncio.sleep(seconds, "done"), step) == "done"
    return loop.time() - began


@pytest.mark.asyncio
async def test_what_is_done_at_once_is_given_at_the_end_of_the_step() -> None:
    assert await took(0, STEP) >= STEP - EARLY


@pytest.mark.asyncio
async def test_what_takes_longer_is_given_at_the_end_of_a_later_step() -> None:
    assert await took(1.2 * STEP, STEP) >= 2 * STEP - EARLY


@pytest.mark.asyncio
async def test_without_a_step_nothing_is_waited_for() -> None:
    async with asyncio.timeout(10):
        assert await in_steps(asyncio.sleep(0, "done"), 0) == "done"


@pytest.mark.asyncio
async def test_an_error_is_raised_at_once() -> None:
    async def fails() -> None:
        raise KeyError

    async with asyncio.timeout(10):
        with pytest.raises(KeyError):
            await in_steps(fails(), 1000)


@pytest.mark.asyncio
async def test_who_goes_away_in_the_middle_of_a_step_leaves_nothing_behind() -> None:
    waiting = asyncio.create_task(in_steps(asyncio.sleep(0), 1000))
    for _ in range(3):
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    loop = asyncio.get_running_loop()
    scheduled = getattr(loop, "_scheduled", [])
    assert all(timer.cancelled() for timer in scheduled)


@pytest.mark.asyncio
async def test_who_goes_away_in_the_moment_that_a_step_ends_causes_no_error() -> None:
    loop = asyncio.get_running_loop()
    errors: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    waiting = asyncio.create_task(in_steps(asyncio.sleep(0), STEP))
    for _ in range(3):
        await asyncio.sleep(0)
    loop.call_later(STEP / 2, waiting.cancel)
    # Held up until both are over, so that both fall into one turn of the loop.
    until = loop.time() + 2 * STEP
    while loop.time() < until:
        pass
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert errors == []
