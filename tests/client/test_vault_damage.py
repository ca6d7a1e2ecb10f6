"""No damage to a vault is taken for content, and each has its error: B6, C8, H9."""

import os
import random
from pathlib import Path

import pytest

from ojak_client import vault_format
from ojak_client.errors import (
    VaultDamaged,
    VaultRestored,
    VaultTooNew,
    WrongPassphrase,
)
from ojak_client.vault_format import (
    FILE_BYTES,
    HEADER_BYTES,
    MAX_CONTENT_BYTES,
    SLOT_BYTES,
    SLOTS,
)
from ojak_protocol.primitives import seal
from tests.client.vaults import WORDS, content_of, create, held_in, opened, own_slot, put, stretch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profile" / "vault"


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
    assert held_in(bytes(wrong_commitment), slot, key).save_count == 1
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
    resealed(path, b"\x00\x03" + b"?" * (vault_format.PAYLOAD_BYTES - 2))
    before = path.read_bytes()
    with pytest.raises(VaultTooNew):
        opened(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "head",
    [
        b"\x00\x01" + bytes(8) + b"\xff" * 4,
        b"\x00\x01" + bytes(8) + b"\0\0\0\0x",
        b"\x00\x02" + bytes(11) + b"\xff" * 4,
        b"\x00\x02" + bytes(11) + (MAX_CONTENT_BYTES + 1).to_bytes(4, "big"),
        b"\x00\x02" + bytes(11) + bytes(4 + 256) + b"x",
    ],
)
def test_a_payload_that_no_version_writes_is_damage(path: Path, head: bytes) -> None:
    create(path)
    payload = head.ljust(vault_format.PAYLOAD_BYTES, b"\0")
    resealed(path, payload)
    with pytest.raises(VaultDamaged):
        opened(path)
