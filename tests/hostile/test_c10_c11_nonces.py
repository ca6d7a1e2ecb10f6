"""C10, C11: however a vault is copied, restored and used twice, no key seals twice with one nonce.

Two copies of one state have the same keys at the same places. That this is harmless rests on nonces
drawn by each process from the system, and on nothing that is kept. `make torture` does more runs.
"""

import hashlib
import os
import random
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from ojak_client.vault import Vault, files_of
from ojak_client.vault_format import HEADER_BYTES, SLOT_BYTES
from ojak_protocol.primitives import KEY_BYTES, NONCE_BYTES, Entropy
from tests.client.boxes import BOXES, keep, sealed_pages
from tests.client.vaults import WORDS, create, own_slot, stretch
from tests.hostile.sealed_by_copies import NewLife, Sealed, copied_conversation, copied_number

SEED = 20_261_127
RUNS = 300


def of_the_system(_: int) -> Entropy:
    return os.urandom


def kept_in_the_state(_: int) -> Entropy:
    """Planted: randomness that goes on from a seed which every copy has."""
    drawn = count()

    def entropy(size: int) -> bytes:
        return hashlib.shake_128(f"{next(drawn)}".encode()).digest(size)

    return entropy


def runs(times: int, seed: int, new_life: NewLife) -> Sealed:
    """Every tenth run is about a number, the others about a conversation."""
    sealed = Sealed()
    for n in range(times):
        chance = random.Random(f"{seed} {n}")  # noqa: S311 (repeatable)
        tell = copied_conversation if n % 10 else copied_number
        tell(chance, new_life, sealed)
    return sealed


def test_c10_c11_copied_devices_repeat_no_nonce() -> None:
    sealed = runs(RUNS, SEED, of_the_system)
    print(f"seed {SEED}, {len(sealed.pairs)} pairs")  # noqa: T201 - how to repeat it
    assert sealed.repeated == 0
    assert len(sealed.pairs) > 10 * RUNS


def test_copies_that_went_on_from_one_seed_would_be_found() -> None:
    assert runs(20, SEED, kept_in_the_state).repeated > 10


# The vault's own seals: of its slot, and of each page


def sealings(path: Path) -> tuple[bytes, bytes, bytes]:
    """Under which salt and nonce the vault is sealed, and what was sealed."""
    raw = path.read_bytes()
    begin = HEADER_BYTES + own_slot(path) * SLOT_BYTES
    slot = raw[begin : begin + SLOT_BYTES]
    nonce_at = 32 + KEY_BYTES
    return slot[:32], slot[nonce_at : nonce_at + NONCE_BYTES], slot


def saves_of_copies(path: Path, new_life: Callable[[int], Entropy], times: int) -> Sealed:
    """Restore the same old vault again and again, and save something else to it each time."""
    create(path).close()
    sealed = Sealed()
    old = {file: file.read_bytes() for file in files_of(path)}
    for life in range(times):
        for file, content in old.items():
            file.write_bytes(content)
        vault = Vault.open(path, bytearray(WORDS.encode()), stretch, new_life(life))
        for n in range(2):
            keep(vault, BOXES[life], BOXES[life + 1 + n])
            salt, nonce, slot = sealings(path)
            sealed.note(salt, nonce, slot)
            for key, page in sealed_pages(path).items():
                sealed.note(key, page[:NONCE_BYTES], page)
        if life % 3 == 2:
            old = {file: file.read_bytes() for file in files_of(path)}
    return sealed


@pytest.mark.parametrize(("new_life", "times"), [(of_the_system, 10), (kept_in_the_state, 2)])
def test_c10_a_restored_vault_is_sealed_under_new_keys_and_nonces(
    new_life: NewLife, times: int, tmp_path: Path
) -> None:
    sealed = saves_of_copies(tmp_path / "vault", new_life, times)
    if new_life is kept_in_the_state:
        assert sealed.repeated, "the planted bug is found"
        return
    # A slot for each save, and pages beside it, as each box is put on one once in a life.
    assert len(sealed.pairs) >= 4 * times
    assert len({key for key, _ in sealed.pairs}) == len(sealed.pairs)
    assert len({nonce for _, nonce in sealed.pairs}) == len(sealed.pairs)
    assert sealed.repeated == 0
