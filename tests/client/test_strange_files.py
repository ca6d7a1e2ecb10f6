"""Pipes, links, folders and sockets at names of a vault: nobody waits, and nothing is hurt."""

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ojak_client import atomic_file
from ojak_client.errors import VaultBusy, VaultError
from ojak_client.vault import wipe
from ojak_client.vault_move import move
from tests.client import vaults

PRECIOUS = b"precious" * 10
SECONDS = 5.0
NAMES = (
    "letters",
    "letters.boxes",
    "letters.new",
    "letters.boxes.new",
    "letters.lock",
    "letters.moved",
    "letters.move",
    "letters.arriving",
)


class Waited(BaseException):
    """It took too long."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Interrupt what waits for longer."""

    def stop(*_: object) -> None:
        raise Waited

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def pipe(at: Path, _: Path) -> None:
    os.mkfifo(at)


def link(at: Path, precious: Path) -> None:
    at.symlink_to(precious)


def folder(at: Path, _: Path) -> None:
    at.mkdir()


def plug(at: Path, _: Path) -> None:
    # The name of a socket has hardly more than a hundred bytes where it is made.
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as bound:
        bound.bind(f"{short}/s")
        shutil.move(f"{short}/s", at)


def saves(path: Path) -> None:
    vaults.put(vaults.opened(path), b"more")


def moves(path: Path) -> None:
    move(path, path.parent.parent / "new" / "letters", lock_seconds=0.1)


def wipes(path: Path) -> None:
    with suppress(VaultBusy):
        wipe(path, lock_seconds=0.1)
    assert not path.parent.exists()


@pytest.fixture
def precious(tmp_path: Path) -> Iterator[Path]:
    """A file of somebody else, which no link leads us to."""
    path = tmp_path / "precious"
    path.write_bytes(PRECIOUS)
    yield path
    assert path.read_bytes() == PRECIOUS


@pytest.mark.parametrize("act", [saves, moves, wipes])
@pytest.mark.parametrize("strange", [pipe, link, folder, plug])
def test_no_name_of_a_vault_makes_anybody_wait_or_write_elsewhere(
    strange: Callable[[Path, Path], None],
    act: Callable[[Path], None],
    tmp_path: Path,
    precious: Path,
) -> None:
    """What cannot be done is said in an error of ours; a wipe is always done."""
    for name in NAMES:
        path = tmp_path / name.replace(".", "-") / "letters"
        vaults.create(path, pages=4).close()
        at = path.with_name(name)
        at.unlink(missing_ok=True)
        strange(at, precious)
        with at_most(SECONDS), suppress(VaultError):
            act(path)


@pytest.mark.parametrize("strange", [pipe, link, folder, plug])
def test_a_copy_on_its_way_to_a_strange_name_harms_nobody(
    strange: Callable[[Path, Path], None], tmp_path: Path, precious: Path
) -> None:
    path, new = tmp_path / "old" / "letters", tmp_path / "new"
    vaults.create(path, pages=4).close()
    new.mkdir()
    for name in ("letters.arriving", "letters.boxes.arriving", "letters.move"):
        strange(new / name, precious)
    with at_most(SECONDS), suppress(VaultError):
        moves(path)


def test_a_name_that_cannot_be_removed_keeps_no_other_from_being_erased(tmp_path: Path) -> None:
    path = tmp_path / "ojak" / "letters"
    vaults.create(path, pages=4).close()
    full = path.with_name("letters.new")
    full.mkdir()
    (full / "of somebody").touch()
    with pytest.raises(VaultError):
        wipe(path)
    assert list(path.parent.iterdir()) == [full]


def test_a_client_that_opens_whatever_lies_there_would_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        atomic_file, "open_regular", lambda path, flags, disk=os: disk.open(path, flags)
    )
    path = tmp_path / "ojak" / "letters"
    vaults.create(path, pages=4).close()
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Waited), at_most(0.3):
        wipe(path)
