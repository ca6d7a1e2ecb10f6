"""Several processes at one vault, killed and wiped meanwhile: no update lost, nothing left."""

import os
import random
import resource
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from ojak_client import atomic_file
from ojak_client.atomic_file import Disk
from ojak_client.errors import (
    NoVault,
    VaultBusy,
    VaultUnusable,
)
from ojak_client.vault import Vault, wipe
from ojak_client.vault_files import box_path
from ojak_client.vault_format import (
    FILE_BYTES,
)
from tests.client.beside import Beside
from tests.client.vaults import SPAWN, content_of, create, held_lock, opened, put

OURS = {"vault", "vault.boxes", "vault.lock"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profile" / "vault"


# Several processes, C9


def add_ones(path: Path, times: int) -> None:
    vault = opened(path)
    for _ in range(times):
        with vault.locked(lock_seconds=120) as session:
            session.save(b"%d" % (int(session.content or b"0") + 1))


def test_c9_twenty_processes_lose_no_update(path: Path) -> None:
    create(path)
    children = [SPAWN.Process(target=add_ones, args=(path, 4)) for _ in range(20)]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert {child.exitcode for child in children} == {0}
    assert content_of(path) == b"80"


def test_another_processes_save_is_seen_and_counted(path: Path) -> None:
    vault = create(path)
    with vault.locked() as session:
        seen = session.save_count
    other = SPAWN.Process(target=add_ones, args=(path, 2))
    other.start()
    other.join(60)
    with vault.locked() as session:
        assert (session.content, session.save_count) == (b"2", seen + 2)


def test_c9_a_vault_held_by_another_is_busy_after_the_time_given(path: Path) -> None:
    vault = create(path)
    with held_lock(path):
        with pytest.raises(VaultBusy), vault.locked(lock_seconds=0.1):
            pass
    put(vault, b"free again")


# kill -9, C1


def save_until_killed(path: Path, saved: Connection) -> None:
    vault = opened(path)
    number = 0
    while True:
        number += 1
        with vault.locked() as session:
            session.save(b"%08d" % number * 20_000)
        saved.send(number)


def test_c1_killed_during_saves_the_vault_holds_the_last_acknowledged_or_the_next(
    path: Path,
) -> None:
    chance = random.Random(11)  # noqa: S311 - when to kill
    create(path)
    for _ in range(30):
        ours, theirs = SPAWN.Pipe(duplex=False)
        child = SPAWN.Process(target=save_until_killed, args=(path, theirs))
        child.start()
        theirs.close()
        acknowledged = ours.recv()
        child.join(chance.random() * 0.03)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        while ours.poll():
            try:
                acknowledged = ours.recv()
            except EOFError:
                break
        ours.close()
        found = content_of(path)
        assert found in {b"%08d" % number * 20_000 for number in (acknowledged, acknowledged + 1)}


def test_what_a_killed_save_left_is_gone_after_the_next(path: Path) -> None:
    vault = create(path)
    path.with_name("vault.new").write_bytes(b"half")
    put(vault, b"x")
    assert {file.name for file in path.parent.iterdir()} == OURS


# The file system refuses


def test_a_file_system_that_refuses_is_one_clear_error(path: Path) -> None:
    vault = create(path)
    put(vault, b"kept")
    path.with_name("vault.new").mkdir()
    with pytest.raises(VaultUnusable) as refused:
        put(vault, b"lost")
    assert str(path) not in str(refused.value)
    path.with_name("vault.new").rmdir()
    assert content_of(path) == b"kept"


def test_a_disk_that_fills_up_is_one_clear_error_and_the_old_stays(path: Path) -> None:
    vault = create(path)
    put(vault, b"kept")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The system refuses to write beyond the first mebibyte of any file.
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES // 2, before[1]))
    try:
        with pytest.raises(VaultUnusable):
            put(vault, b"lost")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert content_of(path) == b"kept"
    assert {file.name for file in path.parent.iterdir()} == OURS


# Wiping


def test_wiping_overwrites_and_removes_all_that_is_ours(path: Path) -> None:
    put(create(path), b"letters")
    path.with_name("vault.new").write_bytes(b"left by a killed save" * 9)
    before = path.read_bytes()
    with path.open("rb") as vault, path.with_name("vault.new").open("rb") as left:
        wipe(path)
        after = vault.read()
        assert len(after) == FILE_BYTES
        assert all(before[at : at + 64] not in after for at in range(0, FILE_BYTES, 65521))
        assert b"killed" not in left.read()
    assert not path.parent.exists()


def test_a_wipe_that_is_broken_off_leaves_all_that_opens_or_nothing_that_does(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(create(path), b"secret")
    before = {name: path.with_name(name).read_bytes() for name in ("vault", "vault.boxes")}
    erase = atomic_file.erase
    for erased in range(20):
        for name, raw in before.items():
            path.with_name(name).write_bytes(raw)
        # As a killed save leaves it.
        path.with_name("vault.new").write_bytes(before["vault"])
        left = iter(range(erased))

        def erase_some(path: Path, *, disk: Disk, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt
            erase(path, disk=disk)

        monkeypatch.setattr(atomic_file, "erase", erase_some)
        try:
            wipe(path)
            break
        except KeyboardInterrupt:
            monkeypatch.setattr(atomic_file, "erase", erase)
        if path.exists():
            assert content_of(path) == b"secret"
        else:
            assert not path.with_name("vault.new").exists()
    else:
        pytest.fail("never done")
    assert not path.parent.exists()


def test_wiping_leaves_what_is_not_ours_and_is_content_with_nothing(path: Path) -> None:
    create(path)
    other = path.with_name("recipe.txt")
    other.write_text("오이냉국")
    wipe(path)
    assert list(path.parent.iterdir()) == [other]
    wipe(path)
    wipe(path.parent / "missing" / "vault")


def add_until_wiped(path: Path) -> None:
    try:
        vault = opened(path)
        while True:
            with vault.locked(lock_seconds=60) as session:
                session.save(b"more")
    except NoVault:
        return


def test_wiping_ends_those_at_work_and_nothing_comes_back(path: Path) -> None:
    vault = create(path)
    children = [SPAWN.Process(target=add_until_wiped, args=(path,)) for _ in range(3)]
    for child in children:
        child.start()
    while True:
        with vault.locked(lock_seconds=60) as session:
            if session.save_count > 6:
                break
    wipe(path, lock_seconds=60)
    for child in children:
        child.join(60)
    assert {child.exitcode for child in children} == {0}
    assert not path.parent.exists()


def waiting_for(vault: Vault) -> Beside:
    """Wait for its lock beside us."""

    def hold() -> None:
        with vault.locked(lock_seconds=60):
            pass

    return Beside(hold)


def test_who_waits_for_a_vault_while_it_is_wiped_leaves_nothing(path: Path) -> None:
    vault = create(path)
    other = path.with_name("recipe.txt")
    other.write_text("오이냉국")
    with held_lock(path):
        waiting = waiting_for(vault)
        assert waiting.goes_on(0.3)
        with pytest.raises(VaultBusy):
            wipe(path, lock_seconds=0.1)
    assert waiting.ends() == "NoVault"
    assert list(path.parent.iterdir()) == [other]


@pytest.mark.parametrize("kept", [(), ("vault.boxes",), ("vault.moved", "vault.boxes")])
def test_who_waits_for_a_vault_while_it_is_taken_away_erases_nothing_but_the_lock(
    path: Path, kept: tuple[str, ...]
) -> None:
    vault = create(path)
    elsewhere = path.parent.parent / "elsewhere"
    elsewhere.mkdir()
    box_path(path).rename(elsewhere / "vault.boxes")
    for name in kept:
        path.with_name(name).write_bytes(b"taken back later")
    with held_lock(path):
        waiting = waiting_for(vault)
        assert waiting.goes_on(0.3)
        path.rename(elsewhere / "vault")
    assert waiting.ends() == "NoVault"
    left = {file.name for file in path.parent.iterdir()} if path.parent.exists() else set()
    assert left == ({*kept, "vault.lock"} if kept else set())
    for name in kept:
        assert path.with_name(name).read_bytes() == b"taken back later"
    assert content_of(elsewhere / "vault") == b""


def test_wiping_a_vault_that_is_held_removes_it_and_says_so(path: Path) -> None:
    create(path)
    with held_lock(path), pytest.raises(VaultBusy):
        wipe(path, lock_seconds=0.1)
    assert not path.exists()
