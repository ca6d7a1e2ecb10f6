"""The vault holds what was saved, and nothing of it shows without the passphrase."""

import os
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from ojak_client import vault_format
from ojak_client.errors import (
    NoVault,
    VaultExists,
    VaultFull,
    VaultUnusable,
    WrongPassphrase,
)
from ojak_client.vault import Vault
from ojak_client.vault_format import (
    FILE_BYTES,
    HEADER_BYTES,
    MAX_CONTENT_BYTES,
    SLOT_BYTES,
    SLOTS,
    Saved,
)
from tests.client.vaults import PAGES, WORDS, content_of, create, is_open, opened, put, stretch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profile" / "vault"


def test_what_was_saved_is_there_again_after_opening(path: Path) -> None:
    vault = create(path)
    with vault.locked() as session:
        assert (session.content, session.save_count) == (b"", 1)
        session.save(b"one")
        session.save(b"two")
        assert (session.content, session.save_count) == (b"two", 3)
    assert content_of(path) == b"two"


def test_only_the_owner_can_enter_the_directory_and_read_the_files(path: Path) -> None:
    put(create(path), b"x")
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


def test_the_passphrase_is_overwritten_whatever_happens(path: Path) -> None:
    for words, makes in [(WORDS, True), (WORDS, True), (WORDS, False), ("wrong", False)]:
        passphrase = bytearray(words.encode())
        with suppress(VaultExists, WrongPassphrase):
            if makes:
                Vault.create(path, passphrase, stretch, os.urandom)
            else:
                Vault.open(path, passphrase, stretch, os.urandom)
        assert passphrase == bytes(len(passphrase))
    passphrase = bytearray(b"none there")
    with pytest.raises(NoVault):
        Vault.open(path.with_name("none"), passphrase, stretch, os.urandom)
    assert passphrase == bytes(10)


def test_the_passphrase_is_stretched_once_and_never_for_a_load_or_a_save(path: Path) -> None:
    calls: list[bytes] = []

    def counting(passphrase: bytes, salt: bytes) -> bytes:
        calls.append(salt)
        return stretch(passphrase, salt)

    create(path)
    vault = Vault.open(path, bytearray(WORDS.encode()), counting, os.urandom)
    for _ in range(3):
        put(vault, b"x")
    assert calls == [path.read_bytes()[:16]]


def test_nothing_of_a_vault_is_in_its_printed_form(path: Path) -> None:
    vault = create(path)
    with vault.locked() as session:
        session.save(b"letters")
        for thing in (vault, session, Saved(1, b"letters", 1)):
            assert "letters" not in repr(thing)
            assert str(path) not in repr(thing)
            assert type(thing).__name__ in repr(thing)


def test_importing_the_vault_loads_nothing_slow() -> None:
    script = "import sys, ojak_client.vault; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    ).stdout.split()
    assert not {"_argon2_cffi_bindings", "asyncio", "cryptography", "logging", "ssl"} & set(loaded)


def test_a_wrong_passphrase_opens_nothing_and_changes_nothing(path: Path) -> None:
    put(create(path), b"letters")
    before = path.read_bytes()
    for words in ("", "wrong", WORDS + " ", WORDS.upper() + "x"):
        with pytest.raises(WrongPassphrase):
            opened(path, words)
    assert path.read_bytes() == before


def test_no_vault_is_said_and_leaves_no_file(path: Path) -> None:
    before = path.parents[1].stat().st_mtime_ns
    with pytest.raises(NoVault):
        opened(path)
    assert not path.parent.exists()
    assert path.parents[1].stat().st_mtime_ns == before


def test_a_vault_is_never_made_over_another(path: Path) -> None:
    put(create(path), b"first")
    with pytest.raises(VaultExists):
        create(path, "second")
    assert content_of(path) == b"first"


def test_a_link_in_place_of_a_vault_is_not_followed(path: Path) -> None:
    create(path)
    link = path.with_name("link")
    link.symlink_to(path)
    with pytest.raises(VaultUnusable):
        opened(link)
    path.unlink()
    with pytest.raises(VaultExists):
        create(link)
    assert link.is_symlink()


def test_a_session_saves_only_while_it_holds_the_lock(path: Path) -> None:
    vault = create(path)
    with vault.locked() as session:
        pass
    with pytest.raises(RuntimeError):
        session.save(b"late")
    assert content_of(path) == b""


def test_a_closed_vault_has_no_key_any_more(path: Path) -> None:
    vault = create(path)
    vault.close()
    with pytest.raises(WrongPassphrase), vault.locked():
        pass


def test_an_error_of_the_caller_is_its_own_and_saves_nothing(path: Path) -> None:
    vault = create(path)
    with pytest.raises(ConnectionError), vault.locked():
        raise ConnectionError
    put(vault, b"still works")


# What a thief sees, B3


def test_b3_size_is_equal_with_nothing_and_with_much(path: Path) -> None:
    vault = create(path)
    for content in (b"", b"x", bytes(MAX_CONTENT_BYTES)):
        put(vault, content)
        assert path.stat().st_size == FILE_BYTES
        assert content_of(path) == content


def test_what_does_not_fit_is_refused_and_the_saved_content_stays(path: Path) -> None:
    vault = create(path)
    put(vault, b"kept")
    with pytest.raises(VaultFull):
        put(vault, bytes(MAX_CONTENT_BYTES + 1))
    assert content_of(path) == b"kept"


def test_b3_planted_markers_are_not_found_without_the_passphrase(path: Path) -> None:
    markers = [f"marker {number} 할머니".encode() for number in range(20)]
    vault = create(path)
    put(vault, b"".join(markers) * 50)
    everything = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for marker in [*markers, b"vault", b"ojak", WORDS.encode(), stretch(b"", bytes(16))]:
        assert marker not in everything


def test_b3_every_part_of_the_file_looks_random(path: Path) -> None:
    put(create(path), bytes(400_000))
    raw = path.read_bytes()
    for begin in range(0, FILE_BYTES, 65536):
        counts = Counter(raw[begin : begin + 65536])
        # 256 expected of each byte, standard deviation 16: eight of them never happen by chance.
        assert all(128 < counts[byte] < 384 for byte in range(256))


def changed_slots(before: bytes, after: bytes) -> list[int]:
    return [
        slot
        for slot in range(SLOTS)
        for begin in [HEADER_BYTES + slot * SLOT_BYTES]
        if before[begin : begin + SLOT_BYTES] != after[begin : begin + SLOT_BYTES]
    ]


def test_a_save_draws_the_open_slot_anew_and_copies_the_rest(path: Path) -> None:
    vault = create(path)
    put(vault, b"same")
    before = path.read_bytes()
    put(vault, b"same")
    after = path.read_bytes()
    [slot] = changed_slots(before, after)
    assert before[:HEADER_BYTES] == after[:HEADER_BYTES]
    begin = HEADER_BYTES + slot * SLOT_BYTES
    for part in (slice(0, 32), slice(32, 64), slice(64, 88), slice(-16, None)):
        assert before[begin:][:SLOT_BYTES][part] != after[begin:][:SLOT_BYTES][part]
    equal = sum(
        a == b for a, b in zip(before[begin:][:SLOT_BYTES], after[begin:][:SLOT_BYTES], strict=True)
    )
    assert equal < SLOT_BYTES / 200  # 1 in 256 by chance


def test_the_open_slot_lies_anywhere(tmp_path: Path) -> None:
    used = set()
    for number in range(40):
        path = tmp_path / str(number)
        vault = create(path)
        before = path.read_bytes()
        put(vault, b"")
        used |= set(changed_slots(before, path.read_bytes()))
        path.unlink()
    assert used == set(range(SLOTS))


def with_second_slot(path: Path, words: str, content: bytes) -> None:
    """Write, as a later command will, a second passphrase into a slot that the first left free."""
    raw = path.read_bytes()
    first = bytearray(stretch(WORDS.encode(), raw[:16]))
    free = next(slot for slot in range(SLOTS) if not is_open(raw, slot, first))
    key = bytearray(stretch(words.encode(), raw[:16]))
    path.write_bytes(vault_format.written(raw, free, key, Saved(1, content, PAGES), os.urandom))


def test_two_passphrases_open_two_slots_that_do_not_disturb_each_other(path: Path) -> None:
    first = create(path)
    put(first, b"first")
    with_second_slot(path, "두번째", b"second")
    second = opened(path, "두번째")
    for number in range(3):
        put(first, b"first %d" % number)
        put(second, b"second %d" % number)
    assert content_of(path) == b"first 2"
    assert content_of(path, "두번째") == b"second 2"
