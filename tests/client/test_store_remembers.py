"""What a short run remembers of a vault is never what lies there no more."""

import os
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_client import vault as vaults_of
from ojak_client.atomic_file import PIECE_BYTES
from ojak_client.errors import VaultDamaged, VaultIncomplete, VaultRestored, WrongPassphrase
from ojak_client.store import VaultStore
from ojak_client.vault import Vault
from ojak_client.vault_files import box_path
from ojak_client.vault_format import FILE_BYTES, HEADER_BYTES, SLOT_BYTES, SLOT_SALT_BYTES, Saved
from tests.client.boxes import BOXES, boxes_in, keeping, kept
from tests.client.test_decoy_looks_alike import work
from tests.client.vaults import WORDS, create, heads_of, opened, own_slot, stretch, typed

SOME, OTHERS = BOXES[:3], BOXES[2:6]
OTHER_WORDS = "푸른 다리 위"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "letters"


def remembering(path: Path) -> VaultStore:
    return VaultStore(opened(path), remembers=True)


def keep(store: VaultStore, boxes: tuple[bytes, ...]) -> None:
    store.update(lambda _: (keeping(boxes), None))


def unseals(path: Path, *, remembers: bool) -> int:
    with work() as counted:
        store = VaultStore(opened(path), remembers=remembers)
        for _ in range(3):
            assert boxes_in(store.read()) == SOME
        store.update(lambda profile: (profile, None))
    return sum(times for (name, _), times in counted.items() if name == "unseal_under")


def test_what_lies_there_still_is_opened_once_and_its_boxes_too(path: Path) -> None:
    keep(VaultStore(create(path)), SOME)
    assert unseals(path, remembers=True) == 1 + len(SOME)
    # What opening has opened is taken over by every store, once.
    assert unseals(path, remembers=False) == 4 * (1 + len(SOME))


CHOICES = st.lists(
    st.tuples(st.integers(0, 2), st.sets(st.integers(0, len(BOXES) - 1))), min_size=1, max_size=12
)


@settings(max_examples=20, deadline=None)
@given(turns=CHOICES)
def test_whoever_saves_all_read_what_was_saved_last(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[int, set[int]]]
) -> None:
    path = tmp_path_factory.mktemp("vault") / "letters"
    create(path)
    stores = (remembering(path), remembering(path), VaultStore(opened(path)))
    for who, chosen in turns:
        boxes = tuple(BOXES[number] for number in sorted(chosen))
        keep(stores[who], boxes)
        assert {boxes_in(store.read()) for store in stores} == {boxes}
        assert kept(path) == boxes


class Stopped(Exception):
    pass


@pytest.mark.parametrize("at_step", range(1, 10))
def test_c7_wherever_a_save_stops_what_is_read_then_is_what_lies_there(
    path: Path, at_step: int
) -> None:
    keep(VaultStore(create(path)), SOME)
    left = [at_step]

    def after(_: Enum) -> None:
        left[0] -= 1
        if not left[0]:
            raise Stopped

    vault = Vault.open(path, typed(WORDS), stretch, os.urandom, after=after)
    store = VaultStore(vault, remembers=True)
    store.read()
    with suppress(Stopped):
        keep(store, OTHERS)
    assert boxes_in(store.read()) == kept(path)
    keep(store, SOME)
    assert boxes_in(store.read()) == kept(path) == SOME


def goes_back(path: Path) -> None:
    """Something saved with the same vault, and then what is remembered is put back."""
    keep(VaultStore(create(path)), SOME)
    ours = opened(path)
    store = VaultStore(ours, remembers=True)
    store.read()
    old = path.read_bytes()
    keep(VaultStore(ours), OTHERS)
    path.write_bytes(old)
    store.read()


def test_b6_an_older_copy_is_noticed_though_it_is_what_is_remembered(path: Path) -> None:
    with pytest.raises(VaultRestored):
        goes_back(path)


def test_what_is_remembered_is_held_against_the_newest_count(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted bug of the test above: the same bytes are taken whatever their age."""

    def forgetful(self: Vault, saved: Saved) -> None:
        del self, saved

    monkeypatch.setattr(vaults_of.Vault, "_note", forgetful)
    goes_back(path)


def damage(path: Path, where: str) -> None:
    begin = HEADER_BYTES + own_slot(path) * SLOT_BYTES
    raw = bytearray(path.read_bytes())
    places = {"header": 100, "salt": begin, "commitment": begin + 40, "nonce": begin + 70}
    raw[(places | {"sealed": begin + 1000})[where]] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("header", VaultDamaged),
        ("salt", WrongPassphrase),
        ("commitment", WrongPassphrase),
        ("nonce", VaultDamaged),
    ],
)
def test_heads_damaged_since_are_noticed(path: Path, where: str, found: type[Exception]) -> None:
    keep(VaultStore(create(path)), SOME)
    store = remembering(path)
    store.read()
    damage(path, where)
    with pytest.raises(found):
        keep(store, OTHERS)
    with pytest.raises(found):
        kept(path)


@pytest.fixture
def damaged_since(path: Path) -> VaultStore:
    """A store that has read what was damaged then."""
    keep(VaultStore(create(path)), SOME)
    store = remembering(path)
    store.read()
    damage(path, "sealed")
    return store


def test_what_is_sealed_and_damaged_since_is_found_by_the_next_command(
    path: Path, damaged_since: VaultStore
) -> None:
    assert boxes_in(damaged_since.read()) == SOME
    with pytest.raises(VaultDamaged):
        kept(path)


def test_a_save_of_what_is_remembered_mends_damage_since(
    path: Path, damaged_since: VaultStore
) -> None:
    keep(damaged_since, OTHERS)
    assert kept(path) == OTHERS


def test_what_another_passphrase_saved_since_stays(path: Path) -> None:
    create(path).add_decoy(typed(OTHER_WORDS))
    ours = remembering(path)
    others = VaultStore(opened(path, OTHER_WORDS), remembers=True)
    for with_us, with_others in ((SOME, OTHERS), (OTHERS, SOME), (SOME, ())):
        keep(ours, with_us)
        keep(others, with_others)
        assert kept(path) == with_us
        assert boxes_in(VaultStore(opened(path, OTHER_WORDS)).read()) == with_others


def test_every_save_draws_a_salt_so_that_no_two_are_taken_for_one(path: Path) -> None:
    ours = create(path)
    seen = {drawn(path)}
    for _ in saves(path, ours):
        assert drawn(path) not in seen
        seen.add(drawn(path))


def saves(path: Path, ours: Vault) -> Iterator[None]:
    """Save in every way, and stop after each."""
    for boxes in (SOME, (), SOME):
        keep(VaultStore(ours), boxes)
        yield
    ours.add_decoy(typed(OTHER_WORDS))
    yield
    keep(VaultStore(opened(path, OTHER_WORDS)), SOME)
    yield
    for words in ("다른 말", WORDS):
        ours.change_passphrase(typed(words))
        yield


def drawn(path: Path) -> tuple[bytes, ...]:
    return tuple(slot[:SLOT_SALT_BYTES] for slot in heads_of(path.read_bytes()).slots)


@pytest.mark.parametrize("more_bytes", [-PIECE_BYTES, -1, 1], ids=["a piece less", "less", "more"])
def test_a_file_of_another_length_since_is_noticed(path: Path, more_bytes: int) -> None:
    keep(VaultStore(create(path)), SOME)
    store = remembering(path)
    store.read()
    os.truncate(path, FILE_BYTES + more_bytes)
    with pytest.raises(VaultDamaged):
        store.read()


def test_a_file_of_boxes_that_went_missing_since_is_noticed(path: Path) -> None:
    keep(VaultStore(create(path)), SOME)
    store = remembering(path)
    store.read()
    box_path(path).unlink()
    with pytest.raises(VaultIncomplete):
        store.read()
