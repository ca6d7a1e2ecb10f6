"""`ojak-relay purge`: nothing of any box is left, whenever it is cut off it can be finished."""

import asyncio
import itertools
import os
import random
from contextlib import suppress
from pathlib import Path

import pytest

from ojak_relay.errors import StoreUnusable
from ojak_relay.store.page import PAGE_BYTES
from ojak_relay.store.page_file import PageFile
from ojak_relay.store.pages import PagesStore
from ojak_relay.store.purge import purge
from tests.relay.commands import ended, run
from tests.relay.disks import QuickDisk, RecordingDisk, RefusingDisk
from tests.relay.kit import NOW, boxes_in, deposit, pages, place, running

BOXES = 6


async def _fill(path: Path) -> None:
    store = await PagesStore.open(path, 20, disk=QuickDisk())
    for number in range(BOXES):
        await store.apply([], [deposit(number, number, ttl=9000)], now=NOW)
    await store.apply([place(0)], [], now=NOW)
    await store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    asyncio.run(_fill(tmp_path / "store"))
    return tmp_path / "store"


def left(data: bytes) -> list[str]:
    """Return which boxes and ids lie in *data*."""
    ids = [number for number in range(BOXES) if bytes(place(number)) in data]
    return [f"box {number}" for number in boxes_in(data)] + [f"id {number}" for number in ids]


async def _held(path: Path) -> int:
    store = await PagesStore.open(path, 20, disk=QuickDisk())
    held = store.boxes
    await store.close()
    return held


def test_nothing_of_any_box_is_left_and_the_store_can_be_used(path: Path) -> None:
    assert len(left(path.read_bytes())) == 2 * (BOXES - 1)
    size = path.stat().st_size
    assert purge(path, disk=os) == BOXES
    assert left(path.read_bytes()) == []
    assert path.stat().st_size == size
    assert asyncio.run(_held(path)) == 0
    asyncio.run(_fill(path))
    assert asyncio.run(_held(path)) == BOXES - 1


def test_a_damaged_page_is_overwritten_too(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[3 * PAGE_BYTES + 10] ^= 1
    path.write_bytes(data)
    assert purge(path, disk=os) == BOXES
    assert left(path.read_bytes()) == []


def test_what_the_disk_does_not_give_is_overwritten_too(path: Path) -> None:
    assert purge(path, disk=RefusingDisk(bad={3 * PAGE_BYTES})) == BOXES
    assert left(path.read_bytes()) == []


def cut_everywhere(path: Path) -> list[str]:
    """Cut a purge at each of its calls; say what the same command could not finish."""
    filled = path.read_bytes()
    wrong: list[str] = []
    for cut in itertools.count():
        path.write_bytes(filled)
        disk = RecordingDisk(durable=bytearray(filled), cut_after=cut)
        finished = False
        with suppress(StoreUnusable):
            purge(path, disk=disk)
            finished = True
        if finished:
            return wrong + left(disk.after_cut(random.Random(cut)))  # noqa: S311 (repeatable)
        path.write_bytes(disk.after_cut(random.Random(cut)))  # noqa: S311 (repeatable)
        purge(path, disk=QuickDisk())
        held = asyncio.run(_held(path))
        if left(path.read_bytes()) or held:
            wrong.append(f"cut at {cut}")
    raise AssertionError


def test_a_purge_cut_at_any_call_is_finished_by_the_same_command(path: Path) -> None:
    assert cut_everywhere(path) == []


def test_the_checker_finds_a_purge_that_is_not_durable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PageFile, "sync", lambda _: None)
    assert cut_everywhere(path) != []


def test_the_command_asks_first_and_refuses_a_store_in_use(tmp_path: Path) -> None:
    path = tmp_path / "store"
    given = ("purge", "--path", str(path))
    with running(*pages(path, 20)) as relay:
        used = f"ojak-relay: the store {path} is in use by another relay; "
        used += "to end that one: ojak-relay drain\n"
        assert ended(run(*given, "--yes")) == (1, "", used)
        relay.stop()
    asyncio.run(_fill(path))
    asked = run(*given)
    assert (asked.returncode, asked.stdout) == (1, "")
    assert "Overwrite every box" in asked.stderr
    assert asyncio.run(_held(path)) == BOXES - 1
    assert ended(run(*given, "--yes")) == (0, f"pages overwritten: {BOXES}\n", "")
    assert asyncio.run(_held(path)) == 0
    missing = run("purge", "--yes", "--path", str(tmp_path / "none"))
    assert missing.returncode == 1
    assert not (tmp_path / "none").exists()
