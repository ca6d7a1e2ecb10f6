"""Replies leave in fixed steps after their request is whole, so that their time tells less.

To find a box takes longer than to find none, to compare one longer still, and to write one waits
for the disk. Whoever sees the sealed line could tell them apart by that. The clock of the first
step starts before anything is looked at, so what was done in it cannot show.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def in_steps(work: Awaitable[T], seconds: float) -> T:
    """Return what *work* gives, at the end of the step of *seconds* in which it was done.

    Without *seconds* it is returned at once, and what *work* raises is raised at once.
    """
    if not seconds:
        return await work
    loop = asyncio.get_running_loop()
    began = loop.time()
    first = loop.create_future()
    timer = loop.call_later(seconds, _settle, first)
    try:
        result = await work
        if first.done():
            await asyncio.sleep(seconds - (loop.time() - began) % seconds)
        else:
            await first
    finally:
        timer.cancel()
    return result


def _settle(step: "asyncio.Future[None]") -> None:
    # A client that goes away in the same moment has had it cancelled.
    if not step.done():
        step.set_result(None)
