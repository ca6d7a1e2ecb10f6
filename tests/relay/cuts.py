"""A store over a recorded disk, whose power is cut at any call: is it what was acknowledged?"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ojak_protocol.sync import DepositOutcome, Found
from ojak_relay.errors import StoreFailed, StoreUnusable
from ojak_relay.store.pages import PagesStore
from tests.relay.disks import QuickDisk, RecordingDisk
from tests.relay.kit import NOW, box, boxes_in, deposit, place

CAPACITY = 24
SHORT_TTL, LONG_TTL = 60, 6000
WORKERS = 3


@dataclass
class Asked:
    """What was asked for and acknowledged: of each place, the contents that may lie there."""

    allowed: dict[int, set[int | None]] = field(default_factory=dict)
    short: set[int] = field(default_factory=set)
    contents: int = 0

    def new(self) -> int:
        self.contents += 1
        return self.contents


async def visit(store: PagesStore, asked: Asked, places: list[int], chance: random.Random) -> None:
    """Delete, replace and deposit at own *places*, and note what was acknowledged."""
    gone = chance.sample(places, min(len(places), chance.randrange(2)))
    changed = chance.sample(places, min(len(places), chance.randrange(3)))
    fresh = len(asked.allowed) + 1
    becomes: dict[int, int | None] = dict.fromkeys(gone)
    becomes |= {number: asked.new() for number in changed if number not in gone}
    becomes[fresh] = asked.new()
    for number, content in becomes.items():
        asked.allowed.setdefault(number, {None}).add(content)
    if chance.random() < 0.3:
        asked.short.add(fresh)
    deposits = [
        deposit(n, c, shown=True, ttl=SHORT_TTL if n in asked.short else LONG_TTL)
        for n, c in becomes.items()
        if c is not None
    ]
    outcomes = await store.apply([place(number) for number in gone], deposits, now=NOW)
    for one, outcome in zip(deposits, outcomes, strict=True):
        number = next(n for n in becomes if place(n) == one.id)
        if outcome is DepositOutcome.FULL:
            becomes[number] = None
    for number, content in becomes.items():
        asked.allowed[number] = {content}
    places[:] = [n for n in {*places, *becomes} if asked.allowed[n] != {None}]


async def _live(store: PagesStore, asked: Asked, chance: random.Random) -> None:
    async def work(seed: float) -> None:
        places: list[int] = []
        own = random.Random(seed)  # noqa: S311 (repeatable, and nothing secret)
        for number in range(12):
            await visit(store, asked, places, own)
            if number % 4 == 3:
                await store.expire(now=NOW + SHORT_TTL)

    await asyncio.gather(*[work(chance.random()) for _ in range(WORKERS)], return_exceptions=True)


async def _story(path: Path, disk: RecordingDisk, asked: Asked, chance: random.Random) -> None:
    try:
        store = await PagesStore.open(path, CAPACITY, disk=disk)
    except StoreUnusable:
        return
    await _live(store, asked, chance)
    await store.close()


async def _served(path: Path, asked: Asked) -> tuple[list[str], set[int]]:
    """Open what was found; return what is not as it was acknowledged, and the contents served."""
    try:
        store = await PagesStore.open(path, CAPACITY, disk=QuickDisk())
    except StoreUnusable as error:
        # A file that was not made yet may be made now; one in which something lies must open.
        must_open = any(None not in one for one in asked.allowed.values())
        return [str(error)] if must_open else [], set()
    wrong: list[str] = []
    served: set[int] = set()
    try:
        for number, allowed in asked.allowed.items():
            (found,) = await store.look([place(number)], room=1, now=NOW)
            contents = {c for c in allowed if c is not None and found == Found(box(c))}
            if not contents and (isinstance(found, Found) or None not in allowed):
                if number in asked.short and not isinstance(found, Found):
                    continue
                wrong.append(f"place {number} holds none of {allowed}")
            served |= contents
    except StoreFailed as error:
        wrong.append(str(error))
    finally:
        await store.close()
    return wrong, served


def violations(path: Path, asked: Asked) -> list[str]:
    """Say what is not as it was acknowledged, and which boxes lie there and are not served."""
    wrong, served = asyncio.run(_served(path, asked))
    lies = path.read_bytes()
    left = boxes_in(lies) - served
    return wrong + [f"box {content} is on the disk and not served" for content in sorted(left)]


def cut_once(
    folder: Path, chance: random.Random, make: Callable[..., RecordingDisk] = RecordingDisk
) -> list[str]:
    """Run a story whose power is cut, sometimes also the start after it; return what is wrong."""
    asked = Asked()
    folder.mkdir(exist_ok=True)
    path, found = folder / "store", folder / "found"
    path.unlink(missing_ok=True)
    disk = make(cut_after=chance.randrange(250))
    asyncio.run(_story(path, disk, asked, chance))
    content = disk.after_cut(chance)
    while chance.random() < 0.3:
        found.write_bytes(content)
        disk = RecordingDisk(durable=bytearray(content), cut_after=chance.randrange(20))
        asyncio.run(_start(found, disk))
        content = disk.after_cut(chance)
    found.write_bytes(content)
    return violations(found, asked)


def refuse_once(folder: Path, chance: random.Random) -> list[str]:
    """Run a story in which the disk refuses one call, and then cut it; return what is wrong."""
    asked = Asked()
    path = folder / "store"
    path.unlink(missing_ok=True)
    disk = RecordingDisk(refuse_after=chance.randrange(250))
    asyncio.run(_story(path, disk, asked, chance))
    path.write_bytes(disk.after_cut(chance))
    return violations(path, asked)


async def _start(path: Path, disk: RecordingDisk) -> None:
    try:
        store = await PagesStore.open(path, CAPACITY, disk=disk)
    except StoreUnusable:
        return
    await store.close()
