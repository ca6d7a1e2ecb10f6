"""A passphrase is changed or a decoy added, and no kill, mistake or decoy loses what is kept."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ojak_client.errors import (
    NoSlotLeft,
    PassphraseTaken,
    PassphraseUnsure,
    VaultError,
    VaultUnusable,
    WrongPassphrase,
)
from ojak_client.vault import Vault
from ojak_client.vault_files import box_path
from ojak_client.vault_format import SLOTS, Saved
from ojak_protocol.stretch import argon2id
from tests.client.boxes import BOXES, keep, kept, saved_of
from tests.client.disks import FaultyDisk
from tests.client.vault_fixtures import WORDS as FIXTURE_WORDS
from tests.client.vault_fixtures import restore
from tests.client.vaults import (
    PAGES,
    SPAWN,
    WORDS,
    change_until_killed,
    content_of,
    create,
    held_in,
    is_open,
    opened,
    put,
    stretch,
    typed,
)

NEW = "푸른 고개 너머"
DECOY = "노란 우산"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profile" / "vault"


def opens(path: Path, words: str) -> bool:
    try:
        opened(path, words)
    except WrongPassphrase:
        return False
    return True


# Changing it


def test_after_a_change_the_new_passphrase_opens_all_and_the_old_one_nothing(path: Path) -> None:
    vault = create(path)
    keep(vault, *BOXES)
    old_key = bytearray(stretch(WORDS.encode(), path.read_bytes()[:16]))
    passphrase = typed(NEW)
    vault.change_passphrase(passphrase)
    assert passphrase == bytes(len(passphrase))
    raw = path.read_bytes()
    assert not any(is_open(raw, slot, old_key) for slot in range(SLOTS))
    assert not opens(path, WORDS)
    # The same vault goes on, under the new one.
    keep(vault, *BOXES[:5])
    assert content_of(path, NEW) != b""
    assert not opens(path, WORDS)


def test_c7_whichever_call_of_a_change_is_refused_it_is_said_which_passphrase_opens(
    path: Path,
) -> None:
    said: list[type[VaultError] | None] = []
    for k in range(100):
        path.unlink(missing_ok=True)
        create(path, pages=4).close()
        disk = FaultyDisk("error", k)
        vault = opened(path, disk=disk)
        try:
            vault.change_passphrase(typed(NEW))
        except (VaultUnusable, PassphraseUnsure) as error:
            said.append(type(error))
        else:
            said.append(None)
        assert opens(path, NEW) is (said[-1] is not VaultUnusable)
        assert opens(path, WORDS) is (said[-1] is VaultUnusable)
        if not disk.fired:
            break
        # Whoever had it open goes on under the one that opens it.
        put(vault, b"later")
    assert set(said) == {VaultUnusable, PassphraseUnsure, None}


def test_one_who_had_opened_it_before_a_change_is_out(path: Path) -> None:
    vault, other = create(path), opened(path)
    vault.change_passphrase(typed(NEW))
    with pytest.raises(WrongPassphrase):
        put(other, b"late")
    assert content_of(path, NEW) == b""


def test_a_passphrase_that_opens_something_is_taken_and_nothing_changes(path: Path) -> None:
    vault = create(path)
    put(vault, b"letters")
    vault.add_decoy(typed(DECOY))
    before = path.read_bytes()
    for words in (WORDS, DECOY):
        for change in (vault.change_passphrase, vault.add_decoy):
            with pytest.raises(PassphraseTaken):
                change(typed(words))
    assert path.read_bytes() == before


# Decoys


def test_a_decoy_opens_something_empty_and_neither_disturbs_the_other(path: Path) -> None:
    vault = create(path)
    keep(vault, *BOXES[:6])
    passphrase = typed(DECOY)
    vault.add_decoy(passphrase)
    assert passphrase == bytes(len(passphrase))
    decoy = opened(path, DECOY)
    with decoy.locked() as session:
        assert session.content == b""
    keep(decoy, *BOXES[6:])
    keep(vault, *BOXES[1:6])
    put(decoy, b"decoy")
    assert kept(path) == BOXES[1:6]
    assert content_of(path, DECOY) == b"decoy"


def test_a_decoy_that_was_never_used_is_to_the_bit_like_a_vault_never_used(path: Path) -> None:
    vault = create(path)
    assert saved_of(path) == Saved(1, b"", PAGES)
    vault.add_decoy(typed(DECOY))
    raw = path.read_bytes()
    key = bytearray(stretch(DECOY.encode(), raw[:16]))
    (slot,) = [slot for slot in range(SLOTS) if is_open(raw, slot, key)]
    assert held_in(raw, slot, key) == Saved(1, b"", PAGES)


def test_a_decoy_never_takes_the_place_of_another_that_came_from_the_same_passphrase(
    path: Path,
) -> None:
    vault = create(path)
    put(vault, b"letters")
    for number in range(SLOTS - 1):
        vault.add_decoy(typed(f"{DECOY} {number}"))
        put(opened(path, f"{DECOY} {number}"), b"%d" % number)
        # What was given away is remembered through saves and changes.
        put(vault, b"letters")
        vault.change_passphrase(typed(f"{NEW} {number}"))
    before = path.read_bytes()
    with pytest.raises(NoSlotLeft):
        vault.add_decoy(typed("하나 더"))
    assert path.read_bytes() == before
    assert content_of(path, f"{NEW} {SLOTS - 2}") == b"letters"
    for number in range(SLOTS - 1):
        assert content_of(path, f"{DECOY} {number}") == b"%d" % number


def test_from_a_decoy_any_other_slot_may_be_taken_because_it_knows_of_none(path: Path) -> None:
    """What the screen says before one is added, whatever passphrase it is."""
    create(path).add_decoy(typed(DECOY))
    decoy = opened(path, DECOY)
    for number in range(SLOTS - 1):
        decoy.add_decoy(typed(f"{number}"))
    assert not opens(path, WORDS)


def test_a_vault_from_before_the_file_of_boxes_can_change_and_add(path: Path) -> None:
    restore(1, path)
    vault = Vault.open(path, typed(FIXTURE_WORDS), argon2id, os.urandom)
    with vault.locked() as session:
        content = session.content
    vault.change_passphrase(typed(NEW))
    assert not box_path(path).exists()
    vault.add_decoy(typed(DECOY))
    for words, expected in ((NEW, content), (DECOY, b"")):
        with Vault.open(path, typed(words), argon2id, os.urandom).locked() as session:
            assert session.content == expected


# Killed at every step


def until_it_ends(
    path: Path, work: Callable[[int], tuple[str, bool]], check: Callable[[], None]
) -> int:
    """Kill a change after its first step, its second and so on, until it comes to its end."""
    step = 0
    while True:
        step += 1
        words, decoy = work(step)
        child = SPAWN.Process(
            target=change_until_killed, args=(path, step, words), kwargs={"decoy": decoy}
        )
        child.start()
        child.join(60)
        check()
        if child.exitcode == 0:
            return step
        assert child.exitcode == -signal.SIGKILL


def test_c7_a_change_killed_after_any_step_leaves_the_old_passphrase_or_the_new(
    path: Path,
) -> None:
    keep(create(path), *BOXES)

    def check() -> None:
        old, new = opens(path, WORDS), opens(path, NEW)
        assert old is not new
        if new:
            opened(path, NEW).change_passphrase(typed(WORDS))
        assert kept(path) == BOXES

    assert until_it_ends(path, lambda _: (NEW, False), check) == 10


def test_c7_a_decoy_added_and_killed_after_any_step_is_there_and_remembered_or_not_there(
    path: Path,
) -> None:
    keep(create(path), *BOXES)
    raw = path.read_bytes()

    def check() -> None:
        assert kept(path) == BOXES
        assert len(saved_of(path).given) == opens(path, DECOY)
        # As it was before, for the next step.
        path.write_bytes(raw)

    assert until_it_ends(path, lambda _: (DECOY, True), check) == 10
