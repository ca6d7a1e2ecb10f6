"""The vault: nothing without its passphrase, no lost update, no damage taken for content."""

import hashlib
import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from filelock import FileLock

from ojak_client import vault_format
from ojak_client.errors import (
    NoVault,
    VaultBusy,
    VaultDamaged,
    VaultExists,
    VaultFull,
    VaultRestored,
    VaultTooNew,
    VaultUnusable,
    WrongPassphrase,
)
from ojak_client.vault import Vault, wipe
from ojak_client.vault_format import (
    FILE_BYTES,
    HEADER_BYTES,
    MAX_CONTENT_BYTES,
    SLOT_BYTES,
    SLOTS,
    Saved,
)
from ojak_protocol.primitives import seal

SPAWN = multiprocessing.get_context("forkserver")
WORDS = "붉은 다리 아래"


def stretch(passphrase: bytes, salt: bytes) -> bytes:
    return hashlib.blake2b(passphrase, salt=salt, digest_size=32).digest()


def create(path: Path, words: str = WORDS) -> Vault:
    return Vault.create(path, bytearray(words.encode()), stretch, os.urandom)


def opened(path: Path, words: str = WORDS) -> Vault:
    return Vault.open(path, bytearray(words.encode()), stretch, os.urandom)


def content_of(path: Path, words: str = WORDS) -> bytes:
    with opened(path, words).locked() as session:
        return session.content


def put(vault: Vault, content: bytes) -> None:
    with vault.locked() as session:
        session.save(content)


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
    for words, call in [
        (WORDS, Vault.create),
        (WORDS, Vault.create),
        (WORDS, Vault.open),
        ("wrong", Vault.open),
    ]:
        passphrase = bytearray(words.encode())
        with suppress(VaultExists, WrongPassphrase):
            call(path, passphrase, stretch, os.urandom)
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
        for thing in (vault, session, Saved(1, b"letters")):
            assert "letters" not in repr(thing)
            assert str(path) not in repr(thing)
            assert type(thing).__name__ in repr(thing)


def test_importing_the_vault_loads_nothing_slow() -> None:
    script = "import sys, ojak_client.vault; print(*sys.modules)"
    loaded = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    ).stdout.split()
    assert not {"argon2", "asyncio", "cryptography", "filelock", "logging", "ssl"} & set(loaded)


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
    free = next(slot for slot in range(SLOTS) if not vault_format.is_open(raw, slot, first))
    key = bytearray(stretch(words.encode(), raw[:16]))
    path.write_bytes(vault_format.written(raw, free, key, Saved(1, content), os.urandom))


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


# Damage, B6 and C8


def own_slot(path: Path) -> int:
    raw = path.read_bytes()
    key = bytearray(stretch(WORDS.encode(), raw[:16]))
    return next(slot for slot in range(SLOTS) if vault_format.is_open(raw, slot, key))


def test_b6_a_flipped_bit_is_damage_or_a_wrong_passphrase_or_in_a_closed_slot(path: Path) -> None:
    put(create(path), b"letters" * 1000)
    raw = path.read_bytes()
    slot = own_slot(path)
    begin = HEADER_BYTES + slot * SLOT_BYTES
    edges = [0, 15, 16, 4095, begin, begin + 31, begin + 32, begin + 63, begin + 64, begin + 87]
    edges += [begin + 88, begin + SLOT_BYTES - 17, begin + SLOT_BYTES - 1, FILE_BYTES - 1]
    for position in edges + random.Random(7).sample(range(FILE_BYTES), 60):  # noqa: S311 - a sample
        flipped = bytearray(raw)
        flipped[position] ^= 1
        path.write_bytes(flipped)
        inside = position - begin
        if position >= HEADER_BYTES and not 0 <= inside < SLOT_BYTES:
            assert content_of(path) == b"letters" * 1000
        elif position < 16 or 0 <= inside < 64:
            with pytest.raises(WrongPassphrase):
                opened(path)
        else:
            with pytest.raises(VaultDamaged):
                opened(path)


def test_c8_a_vault_cut_at_any_length_or_grown_is_damaged(path: Path) -> None:
    create(path)
    raw = path.read_bytes()
    lengths = [0, 1, 15, 16, 17, 4095, 4096, 4097, FILE_BYTES - 1]
    lengths += random.Random(7).sample(range(FILE_BYTES), 40)  # noqa: S311 - a sample
    for changed in [raw[:length] for length in lengths] + [raw + b"x", raw * 2]:
        path.write_bytes(changed)
        with pytest.raises(VaultDamaged):
            opened(path)


def test_b6_a_slot_moved_to_another_place_does_not_open(path: Path) -> None:
    create(path)
    raw = path.read_bytes()
    slot = own_slot(path)
    begin, to = HEADER_BYTES + slot * SLOT_BYTES, HEADER_BYTES + (slot + 1) % SLOTS * SLOT_BYTES
    moved = bytearray(raw)
    moved[to : to + SLOT_BYTES] = raw[begin : begin + SLOT_BYTES]
    moved[begin : begin + SLOT_BYTES] = os.urandom(SLOT_BYTES)
    path.write_bytes(moved)
    with pytest.raises(VaultDamaged):
        opened(path)


def test_h9_a_slot_whose_seal_opens_under_another_key_is_refused_by_its_commitment(
    path: Path,
) -> None:
    create(path)
    raw = path.read_bytes()
    slot = own_slot(path)
    key = bytearray(stretch(WORDS.encode(), raw[:16]))
    begin = HEADER_BYTES + slot * SLOT_BYTES
    wrong_commitment = bytearray(raw)
    wrong_commitment[begin + 32 : begin + 64] = bytes(32)
    # The seal itself is intact and would open.
    assert vault_format.opened(bytes(wrong_commitment), slot, key).save_count == 1
    path.write_bytes(wrong_commitment)
    with pytest.raises(WrongPassphrase):
        opened(path)


def test_b6_an_older_copy_put_back_meanwhile_is_noticed(path: Path) -> None:
    vault = create(path)
    put(vault, b"old")
    old = path.read_bytes()
    put(vault, b"new")
    path.write_bytes(old)
    with pytest.raises(VaultRestored), vault.locked():
        pass


def test_another_vault_put_in_place_is_noticed(path: Path) -> None:
    vault = create(path)
    create(path.with_name("other"))
    path.with_name("other").replace(path)
    with pytest.raises(WrongPassphrase), vault.locked():
        pass


def resealed(path: Path, payload: bytes) -> None:
    raw = path.read_bytes()
    slot = own_slot(path)
    key = bytearray(stretch(WORDS.encode(), raw[:16]))
    begin = HEADER_BYTES + slot * SLOT_BYTES
    _, sealing_key = vault_format._slot_keys(key, raw[begin : begin + 32])  # noqa: SLF001 - a later version, played
    bound = raw[:HEADER_BYTES] + bytes([slot])
    sealed = seal(sealing_key, payload, bound_to=bound, nonce=os.urandom(24))
    path.write_bytes(raw[: begin + 64] + sealed + raw[begin + SLOT_BYTES :])


def test_a_vault_of_a_later_version_is_too_new_and_stays_as_it_is(path: Path) -> None:
    create(path)
    resealed(path, b"\x00\x02" + b"?" * (vault_format.PAYLOAD_BYTES - 2))
    before = path.read_bytes()
    with pytest.raises(VaultTooNew):
        opened(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "head", [b"\xff" * 4, (MAX_CONTENT_BYTES + 1).to_bytes(4, "big"), b"\0\0\0\0x"]
)
def test_a_payload_that_no_version_writes_is_damage(path: Path, head: bytes) -> None:
    create(path)
    payload = (b"\x00\x01" + bytes(8) + head).ljust(vault_format.PAYLOAD_BYTES, b"\0")
    resealed(path, payload)
    with pytest.raises(VaultDamaged):
        opened(path)


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


@contextmanager
def held_lock(path: Path) -> Iterator[None]:
    """Hold the lock as another process would: it belongs to the open file, not to us."""
    with FileLock(f"{path}.lock"):
        yield


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
    assert {file.name for file in path.parent.iterdir()} == {"vault", "vault.lock"}


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
    assert {file.name for file in path.parent.iterdir()} == {"vault", "vault.lock"}


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
        with vault.locked() as session:
            if session.save_count > 6:
                break
    wipe(path)
    for child in children:
        child.join(60)
    assert {child.exitcode for child in children} == {0}
    assert not path.parent.exists()


def test_who_waits_for_a_vault_while_it_is_wiped_leaves_nothing(path: Path) -> None:
    vault = create(path)
    other = path.with_name("recipe.txt")
    other.write_text("오이냉국")
    said: list[str] = []

    def wait_for_it() -> None:
        try:
            with vault.locked(lock_seconds=60):
                said.append("opened")
        except NoVault as error:
            said.append(str(error))

    waiting = threading.Thread(target=wait_for_it)
    with held_lock(path):
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        with pytest.raises(VaultBusy):
            wipe(path, lock_seconds=0.1)
    waiting.join(60)
    assert said == ["there is no vault any more"]
    assert list(path.parent.iterdir()) == [other]


def test_wiping_a_vault_that_is_held_removes_it_and_says_so(path: Path) -> None:
    create(path)
    with held_lock(path), pytest.raises(VaultBusy):
        wipe(path, lock_seconds=0.1)
    assert not path.exists()
