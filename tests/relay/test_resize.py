"""`ojak-relay resize`: whenever it is cut no box is lost, and none is left in what is cut off."""

import asyncio
import errno
import itertools
import os
import random
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from ojak_protocol.sync import Found
from ojak_relay.errors import StoreUnusable
from ojak_relay.store.page import PAGE_BYTES
from ojak_relay.store.page_file import SPARE_PAGES, PageFile, pages_for
from ojak_relay.store.pages import PagesStore
from ojak_relay.store.resize import resize
from tests.relay.disks import QuickDisk, RecordingDisk, RefusingDisk
from tests.relay.kit import NOW, box, deposit, pages, place, running, start

BEFORE, BOXES = 100, 6
LEFT = range(0, BEFORE, BEFORE // BOXES)
"""Boxes that are left, from the first page to the last."""


async def _fill(path: Path) -> None:
    store = await PagesStore.open(path, BEFORE, disk=QuickDisk())
    for number in range(BEFORE):
        await store.apply([], [deposit(number, number, ttl=9000)], now=NOW)
    gone = [place(number) for number in range(BEFORE) if number not in LEFT]
    await store.apply(gone, [], now=NOW)
    await store.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("filled") / "store"
    asyncio.run(_fill(path))
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, filled: bytes) -> Path:
    (tmp_path / "store").write_bytes(filled)
    return tmp_path / "store"


async def served(path: Path, capacity: int) -> list[int]:
    store = await PagesStore.open(path, capacity, disk=QuickDisk())
    found = [
        number
        for number in range(BEFORE)
        if await store.look([place(number)], room=1, now=NOW) == (Found(box(number)),)
    ]
    await store.close()
    return found


@pytest.mark.parametrize("capacity", [len(LEFT), 40, BEFORE, 1000])
def test_a_resized_store_holds_all_its_boxes_and_nothing_else(path: Path, capacity: int) -> None:
    assert resize(path, capacity, disk=os) == BEFORE
    assert path.stat().st_size == pages_for(capacity).stop * PAGE_BYTES
    assert path.stat().st_blocks * 512 >= path.stat().st_size
    assert asyncio.run(served(path, capacity)) == list(LEFT)
    lies = path.read_bytes()
    assert [number for number in range(BEFORE) if box(number)[:16] in lies] == list(LEFT)


def test_a_store_is_not_made_smaller_than_what_lies_there(path: Path) -> None:
    with pytest.raises(StoreUnusable, match=f"holds {len(LEFT)} boxes: more than {len(LEFT) - 1}"):
        resize(path, len(LEFT) - 1, disk=os)
    assert asyncio.run(served(path, BEFORE)) == list(LEFT)


def test_a_store_of_which_the_disk_gives_a_part_only_is_not_changed(path: Path) -> None:
    disk = RefusingDisk(bad={(pages_for(BEFORE).stop - 1) * PAGE_BYTES})
    for capacity in (len(LEFT), 200):
        with pytest.raises(StoreUnusable, match=r"does not give all of .*; nothing was changed"):
            resize(path, capacity, disk=disk)
    assert asyncio.run(served(path, BEFORE)) == list(LEFT)


class FailingLater(QuickDisk):
    """Gives everything at the start, and later what lies beyond the kept pages no more."""

    def __init__(self) -> None:
        self._syncs = 0

    def fdatasync(self, fd: int) -> None:
        self._syncs += 1
        super().fdatasync(fd)

    def pread(self, fd: int, length: int, offset: int, /) -> bytes:
        # The second sync ends what is put right at a start.
        if self._syncs >= 2 and offset >= pages_for(len(LEFT)).stop * PAGE_BYTES:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().pread(fd, length, offset)


def test_a_disk_that_fails_in_the_middle_is_said_to_and_no_box_is_lost(path: Path) -> None:
    with pytest.raises(StoreUnusable, match="cannot be read: the disk refused to read"):
        resize(path, len(LEFT), disk=FailingLater())
    assert asyncio.run(served(path, BEFORE)) == list(LEFT)


def test_what_is_no_store_is_not_resized_and_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="cannot be opened"):
        resize(tmp_path / "missing", 10, disk=os)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "photo").write_bytes(b"a family photo" * 1000)
    with pytest.raises(StoreUnusable, match="not a store of this relay"):
        resize(tmp_path / "photo", 10, disk=os)
    assert (tmp_path / "photo").read_bytes() == b"a family photo" * 1000


class WatchedDisk(RecordingDisk):
    """Looks at what is cut off: nothing of a box may lie there."""

    left = False

    def ftruncate(self, fd: int, length: int, /) -> None:
        beyond = bytes(self.durable[length:])
        self.left = self.left or any(box(number)[:16] in beyond for number in LEFT)
        super().ftruncate(fd, length)


def cut_everywhere(path: Path, capacity: int) -> tuple[int, list[str]]:
    """Cut a resize at each of its calls; return how many there are, and what was wrong."""
    filled = path.read_bytes()
    wrong: list[str] = []
    for cut in itertools.count():
        path.write_bytes(filled)
        disk = WatchedDisk(durable=bytearray(filled), cut_after=cut)
        finished = False
        with suppress(StoreUnusable):
            resize(path, capacity, disk=disk)
            finished = True
        if disk.left:
            wrong.append(f"at {cut} a box is in what is cut off")
        if finished:
            return cut, wrong
        path.write_bytes(disk.after_cut(random.Random(cut)))  # noqa: S311 (repeatable)
        with closing(PageFile.open(path)) as file:
            now_for = file.capacity
        for one in (now_for, capacity):
            if one not in {BEFORE, capacity} or asyncio.run(served(path, one)) != list(LEFT):
                wrong.append(f"cut at {cut}, it is not whole for {one}")
            resize(path, capacity, disk=QuickDisk())
    raise AssertionError


@pytest.mark.parametrize("capacity", [len(LEFT), 200])
def test_a_resize_cut_at_any_call_leaves_a_whole_store_that_it_can_finish(
    path: Path, capacity: int
) -> None:
    calls, wrong = cut_everywhere(path, capacity)
    assert wrong == []
    assert calls > 6


@pytest.mark.parametrize("bug", ["no sync", "no overwriting"])
def test_the_checker_finds_a_resize_that_is_not_safe(
    path: Path, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    if bug == "no sync":
        monkeypatch.setattr(PageFile, "sync", lambda _: None)
    else:
        honest = PageFile.write
        monkeypatch.setattr(
            PageFile,
            "write",
            lambda file, page, data: data[:8] == b"ojakgone" or honest(file, page, data),
        )
    assert cut_everywhere(path, len(LEFT))[1] != []


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ojak_relay", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_says_what_fits_and_refuses_a_store_in_use(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with running(*pages(path, 20)) as relay:
        refused = _command("resize", "--path", str(path), "--capacity", "30")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == (
            f"ojak-relay: the store {path} is in use by another relay; "
            "to end that one: ojak-relay drain\n"
        )
        relay.stop()
    done = _command("resize", "--path", str(path), "--capacity", "30")
    assert (done.returncode, done.stdout) == (0, "boxes that fit: 30 (before: 20)\n")
    wrong = _command("resize", "--path", str(path), "--capacity", "0")
    assert (wrong.returncode, wrong.stderr) == (2, "ojak-relay: capacity must be 1 or more\n")
    refused = _command("serve", "--path", str(path), "--capacity", "20")
    assert refused.returncode == 1
    assert "holds 30 boxes, not 20; to change that: ojak-relay resize" in refused.stderr


def test_without_a_command_the_relay_serves(tmp_path: Path) -> None:
    settings = {"OJAK_RELAY_LISTEN": "127.0.0.1:0", "OJAK_RELAY_PATH": str(tmp_path / "store")}
    process = start(environment=settings, program=("-m", "ojak_relay"))
    assert process.stdout is not None
    assert process.stdout.readline().startswith("listening on ")
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_the_spare_pages_stay_the_same(path: Path) -> None:
    resize(path, 20, disk=os)
    assert path.stat().st_size == (2 + 20 + SPARE_PAGES) * PAGE_BYTES
