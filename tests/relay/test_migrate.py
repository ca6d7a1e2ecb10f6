"""`ojak-relay migrate`: a store that the code before made, brought over with all its boxes.

The fixture was made by that code: of boxes 0 to 4, one was deleted and one replaced.
"""

import asyncio
import gzip
import hashlib
import itertools
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ojak_protocol.sync import Found
from ojak_relay.errors import StoreUnusable
from ojak_relay.store import migrate as migrating
from ojak_relay.store.migrate import migrate
from ojak_relay.store.pages import PagesStore
from ojak_relay.store.purge import purge
from tests.relay.commands import ended, run
from tests.relay.disks import QuickDisk
from tests.relay.kit import NOW, box, boxes_in, pages, place, running

FIXTURE = Path(__file__).parent / "fixtures" / "ojakpg01.store.gz"
HELD = {0: 0, 2: 22, 3: 3, 4: 4}
"""What lies at which place."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "store").write_bytes(gzip.decompress(FIXTURE.read_bytes()))
    return tmp_path / "store"


async def _held(path: Path) -> dict[int, int]:
    store = await PagesStore.open(path, 6, disk=QuickDisk())
    found = {}
    for number in range(6):
        result = (await store.look([place(number)], room=1, now=NOW))[0]
        if isinstance(result, Found):
            found[number] = next(iter(boxes_in(result.box)))
            assert result.box == box(found[number])
    await store.close()
    return found


def test_all_boxes_are_brought_over_and_the_earlier_file_is_overwritten(path: Path) -> None:
    # A second name, to look at what was in the file once its own is gone.
    (path.parent / "seen").hardlink_to(path)
    assert migrate(path, disk=os) == len(HELD)
    assert asyncio.run(_held(path)) == HELD
    assert boxes_in((path.parent / "seen").read_bytes()) == set()
    assert {file.name for file in path.parent.iterdir()} == {"store", "seen"}
    assert migrate(path, disk=os) is None


def test_a_relay_names_the_command_and_serves_after_it(path: Path) -> None:
    refused = run("serve", *pages(path, 6))
    assert refused.returncode == 1
    assert "is of an earlier version; to bring it to this one: ojak-relay migrate" in refused.stderr
    brought = run("migrate", "--path", str(path))
    assert ended(brought) == (0, "boxes brought over: 4\n", "")
    with running(*pages(path, 6)):
        done = (0, "the store is of this format already\n", "")
        assert ended(run("migrate", "--path", str(path))) == done


class Cut(BaseException):
    """The power is gone; no handler of the program may run on."""


class CuttingDisk(QuickDisk):
    """Is gone at one of its calls."""

    def __init__(self, after: int) -> None:
        self._left = after
        self._held: set[int] = set()

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Cut

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        self._count()
        self._held.add(descriptor := super().open(path, flags, mode))
        return descriptor

    def close(self, fd: int) -> None:
        self._held.remove(fd)
        super().close(fd)

    def end(self) -> None:
        """Let go of what a process that is gone does not hold any more."""
        for descriptor in self._held:
            super().close(descriptor)

    def pwritev(self, fd: int, buffers: Sequence[bytes], offset: int, /) -> int:
        self._count()
        return super().pwritev(fd, buffers, offset)

    def fsync(self, fd: int) -> None:
        self._count()
        super().fsync(fd)


def cut_everywhere(path: Path, step: int) -> list[str]:
    """Cut a migration at its calls, and finish it; say what was lost or left."""
    filled = path.read_bytes()
    wrong: list[str] = []
    for cut in itertools.count(step=step):
        for file in path.parent.iterdir():
            file.unlink()
        path.write_bytes(filled)
        disk = CuttingDisk(cut)
        try:
            migrate(path, disk=disk)
        except Cut:
            disk.end()
            migrate(path, disk=QuickDisk())
        else:
            return wrong
        if asyncio.run(_held(path)) != HELD or list(path.parent.iterdir()) != [path]:
            wrong.append(f"cut at {cut}")
    raise AssertionError


def test_a_migration_cut_at_any_call_is_finished_by_the_same_command(path: Path) -> None:
    assert cut_everywhere(path, 3) == []


def test_the_checker_finds_a_migration_that_leaves_the_earlier_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "_remove", lambda *_: None)
    assert cut_everywhere(path, 60) != []


def earlier_page(number: int, commit: int, content: int) -> bytes:
    """Return a page of the earlier format."""
    body = box(content)
    times = (NOW + 1000, NOW - 100)
    fields = struct.pack(">8s32sQQQ16s", b"ojak box", place(number), commit, *times, _digest(body))
    return fields + _digest(fields) + body


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


@pytest.mark.parametrize("order", [(7, 9), (9, 7)])
def test_of_two_boxes_with_one_id_the_newer_is_brought_over(
    path: Path, order: tuple[int, int]
) -> None:
    """A replacement that was cut short between its two syncs leaves both."""
    data = bytearray(path.read_bytes())
    for at, commit in zip((20, 21), order, strict=True):
        data[at * 4096 : (at + 1) * 4096] = earlier_page(5, commit, commit)
    path.write_bytes(data)
    assert migrate(path, disk=os) == len(HELD) + 1
    assert asyncio.run(_held(path)) == HELD | {5: 9}


def cut_before_the_end(path: Path) -> Path:
    """Migrate, but leave the earlier file; return its path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrating, "_remove", lambda *_: None)
        migrate(path, disk=os)
    return path.with_name("store.earlier")


def test_a_relay_says_that_a_migration_was_cut_off_and_the_command_ends_it(path: Path) -> None:
    earlier = cut_before_the_end(path)
    said = (
        "ojak-relay: boxes of an earlier format lie beside the store; "
        "to end that: ojak-relay migrate"
    )
    with running(*pages(path, 6)) as relay:
        done = run("migrate", "--path", str(path))
        assert ended(done) == (0, "the store is of this format already\n", "")
        assert not earlier.exists()
        assert said in relay.stop()[1].splitlines()
    with running(*pages(path, 6)) as relay:
        assert said not in relay.stop()[1].splitlines()


def test_a_purge_overwrites_what_a_migration_that_was_cut_off_left(path: Path) -> None:
    copied = path.with_name("store.migrating")
    copied.write_bytes(cut_before_the_end(path).read_bytes())
    for left in (path.with_name("store.earlier"), copied):
        assert boxes_in(left.read_bytes()) != set()
        left.with_name(f"{left.name}.seen").hardlink_to(left)
    purge(path, disk=os)
    assert {file.name for file in path.parent.iterdir()} == {
        "store",
        "store.earlier.seen",
        "store.migrating.seen",
    }
    for file in path.parent.iterdir():
        assert boxes_in(file.read_bytes()) == set(), file


def test_the_user_of_the_relay_has_the_store_that_root_migrated(path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away: nothing was checked")
    os.chown(path, 65532, 65533)
    migrate(path, disk=os)
    assert (path.stat().st_uid, path.stat().st_gid) == (65532, 65533)


class HalfDisk(QuickDisk):
    """Takes half of a page, of the file that is made or of the one that is overwritten."""

    def __init__(self, which: str) -> None:
        self._which = which

    def pwritev(self, fd: int, buffers: Sequence[bytes], offset: int, /) -> int:
        data = b"".join(buffers)
        if offset > 3 * 4096 and self._which in os.readlink(f"/proc/self/fd/{fd}"):  # noqa: PTH115 - which file a descriptor is
            return super().pwritev(fd, [data[: len(data) // 2]], offset)
        return super().pwritev(fd, [data], offset)


@pytest.mark.parametrize("which", ["store.migrating", "store.earlier"])
def test_a_page_that_is_written_in_part_ends_a_migration_which_can_be_finished(
    path: Path, which: str
) -> None:
    with pytest.raises(StoreUnusable, match="cannot be migrated: in part only"):
        migrate(path, disk=HalfDisk(which))
    migrate(path, disk=os)
    assert asyncio.run(_held(path)) == HELD
    assert list(path.parent.iterdir()) == [path]


def _cut_short(data: bytearray) -> None:
    del data[4096 * 3 :]


def _header_changed(data: bytearray) -> None:
    data[9] ^= 1


def _photo(data: bytearray) -> None:
    data[:] = b"a family photo" * 1000


@pytest.mark.parametrize("change", [_cut_short, _header_changed, _photo])
def test_what_is_no_such_store_is_refused_and_stays(
    path: Path, change: Callable[[bytearray], None]
) -> None:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    with pytest.raises(StoreUnusable, match="is not a store that can be brought"):
        migrate(path, disk=os)
    assert path.read_bytes() == data
    with pytest.raises(StoreUnusable, match="No such file"):
        migrate(path.parent / "none", disk=os)


def test_a_store_that_a_relay_holds_is_refused(path: Path) -> None:
    import fcntl  # noqa: PLC0415 - this test's alone

    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreUnusable, match="in use by another relay"):
            migrate(path, disk=os)
