"""C9: whoever has nothing to lose is told soon that another holds the vault; the others insist."""

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from enum import Enum
from pathlib import Path

import pytest

from ojak_client import file_lock
from ojak_client import vault as vaults_of
from ojak_client.profile import Contact
from ojak_client.vault import Vault, wipe
from ojak_client.vault_move import move, take_back
from tests.client.beside import Beside
from tests.client.devices import ANSWERS, QUESTIONS, Device, Ran
from tests.client.persons import NAME, RELAY
from tests.client.vaults import (
    PAGES,
    WORDS,
    content_of,
    create,
    held_lock,
    opened,
    put,
    stretch,
    typed,
)

FOR_LONG = 3600.0


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lock, "FIRST_SECONDS", 0.05)
    monkeypatch.setattr(vaults_of, "LOCK_SECONDS", FOR_LONG)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profile" / "letters"


def elsewhere(path: Path) -> Path:
    return path.parent.parent / "stick" / "letters"


@pytest.mark.parametrize(
    "what",
    [
        opened,
        lambda path: move(path, elsewhere(path), lock_seconds=FOR_LONG),
        lambda path: take_back(path, lock_seconds=FOR_LONG),
    ],
    ids=["open", "move", "take back"],
)
def test_c9_who_has_nothing_to_lose_is_told_soon(
    path: Path, what: Callable[[Path], object]
) -> None:
    create(path)
    with held_lock(path):
        assert Beside(lambda: what(path)).ends() == "VaultBusy"
    assert content_of(path) == b""


def test_c9_who_opens_is_told_soon_too_where_another_takes_it_meanwhile(path: Path) -> None:
    create(path)
    with ExitStack() as held:

        def taken_meanwhile(passphrase: bytes, salt: bytes) -> bytes:
            held.enter_context(held_lock(path))
            return stretch(passphrase, salt)

        opening = Beside(lambda: Vault.open(path, typed(WORDS), taken_meanwhile, os.urandom))
        assert opening.ends() == "VaultBusy"


@pytest.mark.parametrize("there", [False, True])
def test_c9_who_was_asked_for_more_than_a_passphrase_insists(path: Path, *, there: bool) -> None:
    device = Device(path.parent)
    path.parent.mkdir()
    if there:
        device.keep_contact(Contact(NAME, RELAY))
    ran: list[Ran] = []

    def invite() -> None:
        words = ("--name", "이모", "--relay", RELAY, *QUESTIONS)
        ran.append(device.run("invite", *words, answers=ANSWERS))

    with held_lock(path):
        inviting = Beside(invite)
        assert inviting.goes_on(1)
    assert inviting.ends() == "done"
    assert ran[0].code == 0


def test_c9_who_moves_to_where_another_is_at_it_is_told_soon(path: Path) -> None:
    create(path)
    elsewhere(path).parent.mkdir()
    with held_lock(elsewhere(path)):
        begun = Beside(lambda: move(path, elsewhere(path), lock_seconds=FOR_LONG))
        assert begun.ends() == "VaultBusy"
    assert content_of(path) == b""


def test_c9_who_would_lose_what_was_written_insists(path: Path) -> None:
    vault = create(path)

    def save() -> None:
        with vault.locked(lock_seconds=FOR_LONG) as session:
            session.save(b"written")

    with held_lock(path):
        saving = Beside(save)
        assert saving.goes_on(0.5)
    assert saving.ends() == "done"
    assert content_of(path) == b"written"


def test_c9_who_wipes_insists_and_what_another_saves_meanwhile_does_not_stay(path: Path) -> None:
    vault = create(path)
    with vault.locked() as session:
        wiping = Beside(lambda: wipe(path, lock_seconds=FOR_LONG))
        assert wiping.goes_on(0.5)
        session.save(b"saved meanwhile")
    assert wiping.ends() == "done"
    assert not path.parent.exists()


def test_who_wipes_while_a_vault_is_made_waits_for_it_and_leaves_nothing(path: Path) -> None:
    wiping: list[Beside] = []

    def after(_: Enum) -> None:
        if not wiping:
            wiping.append(Beside(lambda: wipe(path, lock_seconds=FOR_LONG)))
            assert wiping[0].goes_on(0.5)

    Vault.create(path, typed(WORDS), stretch, os.urandom, pages=PAGES, after=after)
    assert wiping[0].ends() == "done"
    assert not path.parent.exists()


def test_c9_a_new_passphrase_that_was_stretched_insists(path: Path) -> None:
    vault = create(path)
    put(vault, b"kept")
    stretched, go_on = threading.Event(), threading.Event()
    stretch = vault._stretch  # noqa: SLF001 - what takes long

    def wait(passphrase: bytes, salt: bytes) -> bytes:
        stretched.set()
        go_on.wait(60)
        return stretch(passphrase, salt)

    vault._stretch = wait  # noqa: SLF001 - what takes long
    changing = Beside(lambda: vault.change_passphrase(bytearray(b"another")))
    assert stretched.wait(60)
    with held_lock(path):
        go_on.set()
        assert changing.goes_on(0.5)
    assert changing.ends() == "done"
    assert content_of(path, "another") == b"kept"
