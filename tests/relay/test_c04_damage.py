"""C4: bytes of the file are flipped, or it is cut short: the rest is served, or nothing; never a
wrong box. The same checker finds a store that does not look at checksums."""

import asyncio
import random
from pathlib import Path

import pytest

from ojak_protocol.sync import Found, Nothing
from ojak_relay.errors import StoreFailed, StoreUnusable
from ojak_relay.store import page, repair
from ojak_relay.store.page import PAGE_BYTES
from ojak_relay.store.page_file import SPARE_PAGES
from ojak_relay.store.pages import PagesStore
from tests.relay.disks import QuickDisk
from tests.relay.kit import NOW, box, deposit, place

CAPACITY, BOXES = 40, 30
FLIPS = 1000
SEED = 20_261_127


async def fill(path: Path) -> None:
    store = await PagesStore.open(path, CAPACITY, disk=QuickDisk())
    for number in range(BOXES):
        await store.apply([], [deposit(number, number)], now=NOW)
    await store.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("filled") / "store"
    asyncio.run(fill(path))
    return path.read_bytes()


async def _served(path: Path) -> tuple[int, int]:
    store = await PagesStore.open(path, CAPACITY, disk=QuickDisk())
    right = wrong = 0
    for number in range(BOXES):
        try:
            (result,) = await store.look([place(number)], room=1, now=NOW)
        except StoreFailed:
            continue
        right += result == Found(box(number))
        wrong += result not in (Found(box(number)), Nothing())
    await store.close()
    return right, wrong


def served(path: Path, content: bytes) -> tuple[int, int]:
    """Return how many boxes are served as they were, and how many otherwise; (-1, 0) if refused."""
    path.write_bytes(content)
    try:
        return asyncio.run(_served(path))
    except StoreUnusable:
        return -1, 0


def flipped(filled: bytes, flips: int, seed: int) -> bytes:
    chance = random.Random(seed)  # noqa: S311 (repeatable, and nothing secret)
    content = bytearray(filled)
    for at in chance.sample(range(len(content)), flips):
        content[at] ^= 1 << chance.randrange(8)
    return bytes(content)


def test_c4_a_thousand_flipped_bytes_one_after_the_other_never_give_a_wrong_box(
    tmp_path: Path, filled: bytes
) -> None:
    some = [served(tmp_path / "store", flipped(filled, 1, SEED + n)) for n in range(FLIPS // 10)]
    assert {wrong for _, wrong in some} == {0}
    assert min(right for right, _ in some) >= BOXES - 1


@pytest.mark.parametrize("flips", [20, FLIPS])
def test_c4_many_flipped_bytes_at_once_never_give_a_wrong_box(
    tmp_path: Path, filled: bytes, flips: int
) -> None:
    some = [served(tmp_path / "store", flipped(filled, flips, SEED + n)) for n in range(10)]
    assert {wrong for _, wrong in some} == {0}


def test_c4_a_store_without_checksums_is_found(
    tmp_path: Path, filled: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "is_torn", lambda *_: False)
    monkeypatch.setattr(repair, "is_torn", lambda *_: False)
    assert served(tmp_path / "store", flipped(filled, FLIPS, SEED))[1] > 0


def test_c4_one_damaged_superblock_of_two_costs_nothing(tmp_path: Path, filled: bytes) -> None:
    for number in (0, 1):
        start = number * PAGE_BYTES
        content = filled[:start] + bytes(PAGE_BYTES) + filled[start + PAGE_BYTES :]
        assert served(tmp_path / "store", content) == (BOXES, 0)
    assert served(tmp_path / "store", bytes(2 * PAGE_BYTES) + filled[2 * PAGE_BYTES :]) == (-1, 0)


def test_c4_a_file_cut_short_at_any_page_serves_what_is_left(tmp_path: Path, filled: bytes) -> None:
    pages = len(filled) // PAGE_BYTES
    assert pages == 2 + CAPACITY + SPARE_PAGES
    for kept in range(1, pages, 3):
        expected = min(BOXES, max(0, kept - 2))
        assert served(tmp_path / "store", filled[: kept * PAGE_BYTES]) == (expected, 0)
    for kept in (1, 100, PAGE_BYTES - 1):
        assert served(tmp_path / "store", filled[:kept]) == (-1, 0)
